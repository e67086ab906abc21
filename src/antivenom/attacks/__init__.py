"""Attacks. Each file contains one attack, and the registry finds it by the file name."""

from antivenom.attacks._attack import Attack, KeepsRounds, Saveable, TrainsGenerator
from antivenom.attacks.budget import CoverBudget, PoisonBudget
from antivenom.registry import lazily

__all__ = ["Attack", "CoverBudget", "KeepsRounds", "PoisonBudget", "Saveable", "TrainsGenerator"]

__getattr__, __dir__ = lazily("attacks")
