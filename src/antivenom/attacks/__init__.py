"""Attacks: one a file, found by its name."""

from antivenom.attacks._attack import Attack
from antivenom.registry import lazily

__all__ = ["Attack"]

__getattr__, __dir__ = lazily("attacks")
