"""Defences: one a file, found by its name. None of them knows the truth."""

from antivenom.defences._detector import Detector
from antivenom.defences._stream import Blamed, StreamDefence
from antivenom.defences._verdict import Scan, Verdict
from antivenom.registry import lazily

__all__ = ["Blamed", "Detector", "Scan", "StreamDefence", "Verdict"]

__getattr__, __dir__ = lazily("defences")
