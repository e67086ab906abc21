"""Running cells: stages, starting models, and where they run."""
