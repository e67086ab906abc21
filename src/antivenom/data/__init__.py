"""Data sets: what is trained on, what an attacker contributed to it, and where both come from."""

from antivenom.data.dataset import Dataset, NamesRows, Source, Splits
from antivenom.data.poisoned import CLEAN, COVER, POISON, Goal, Poisoned, Scorer

__all__ = ["CLEAN", "COVER", "POISON", "Dataset", "Goal", "NamesRows", "Poisoned", "Scorer", "Source", "Splits"]
