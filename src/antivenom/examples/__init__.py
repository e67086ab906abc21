"""Specs that ship with the package: `antivenom run NAME`."""
