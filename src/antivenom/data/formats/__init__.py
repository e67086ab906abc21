"""File formats, one reader per file. A reader does not trust a length field before it has read the bytes."""
