"""What a run gives, written to a folder and read back."""
