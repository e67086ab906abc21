"""Files, tables, YAML, and the store of finished stages."""
