"""Data sets: training and test rows, poisoned data sets, and the sources that load them."""

from antivenom.data.dataset import Dataset, Splits
from antivenom.data.poisoned import CLEAN, COVER, POISON, Goal, Poisoned, Scorer
from antivenom.data.source import NamesRows, Source

__all__ = ["CLEAN", "COVER", "POISON", "Dataset", "Goal", "NamesRows", "Poisoned", "Scorer", "Source", "Splits"]
