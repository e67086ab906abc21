"""Comparing models, detectors, filters, scans, repairs and stream defences with the truth."""
