"""Repairs: one a file, found by its name. Each gives a new classifier; the one that it is given stays as it is."""

from antivenom.registry import lazily
from antivenom.repairs._repair import Repair, apply_repair

__all__ = ["Repair", "apply_repair"]

__getattr__, __dir__ = lazily("repairs")
