"""Attacks: one a file, found by its name."""

from bezoar.attacks._attack import Attack
from bezoar.registry import lazily

__all__ = ["Attack"]

__getattr__, __dir__ = lazily("attacks")
