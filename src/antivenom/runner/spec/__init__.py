"""The settings of an experiment, and reading them from a spec."""
