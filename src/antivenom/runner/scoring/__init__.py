"""Scoring against the truth: models, detectors, filters, scans, repairs and stream defences."""
