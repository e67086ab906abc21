"""Defences: one a file, found by its name. None of them knows the truth."""

from bezoar.defences._detector import Detector
from bezoar.defences._stream import Blamed, StreamDefence
from bezoar.defences._verdict import Scan, Verdict
from bezoar.registry import lazily

__all__ = ["Blamed", "Detector", "Scan", "StreamDefence", "Verdict"]

__getattr__, __dir__ = lazily("defences")
