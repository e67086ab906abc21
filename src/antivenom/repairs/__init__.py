"""Repairs. Each file contains one repair. A repair returns a new classifier and does not change the original."""

from antivenom.registry import lazily
from antivenom.repairs._classes import AllClasses
from antivenom.repairs._repair import Repair, apply_repair

__all__ = ["AllClasses", "Repair", "apply_repair"]

__getattr__, __dir__ = lazily("repairs")
