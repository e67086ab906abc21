"""Neural Cleanse: recovering the smallest trigger of every class."""
