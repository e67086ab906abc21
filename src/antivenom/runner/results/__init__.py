"""The results of a run, how they are written to a folder, and how they are read back."""
