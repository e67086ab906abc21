"""Specs that ship with the package: `bezoar run NAME`."""
