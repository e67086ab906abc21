"""Give hostile files to antivenom. See `benchmarks.hostile.__main__`."""
