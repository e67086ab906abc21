"""Scoring against the truth: models, detectors, scans, repairs and stream defences."""
