"""Figures of speed and reproductions of published figures: `python -m benchmarks.NAME`."""
