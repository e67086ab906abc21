"""Benchmarks of speed, and reproductions of published results. Run one with `python -m benchmarks.NAME`."""
