"""Opening and writing files: every file goes through these modules."""
