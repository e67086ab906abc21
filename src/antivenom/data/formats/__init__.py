"""File formats: one reader a file. A reader trusts nothing: no length field is believed before the bytes are there."""
