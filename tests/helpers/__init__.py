"""What several test files share: small components, files, charts and pages to try things with."""
