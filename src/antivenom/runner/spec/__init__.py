"""What is run: an experiment's settings, read from a spec."""
