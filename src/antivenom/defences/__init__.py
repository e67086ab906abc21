"""Defences. Each is in its own file, which has its name. No defence knows the truth."""

from antivenom.defences._detector import Detector
from antivenom.defences._filter import Filter
from antivenom.defences._recovered_triggers import RecoveredTriggers
from antivenom.defences._scan import RecoversTriggers, Scan, Subject, Verdict
from antivenom.defences._stream import StreamDefence, StreamVerdict
from antivenom.registry import lazily

__all__ = [
    "Detector",
    "Filter",
    "RecoveredTriggers",
    "RecoversTriggers",
    "Scan",
    "StreamDefence",
    "StreamVerdict",
    "Subject",
    "Verdict",
]

__getattr__, __dir__ = lazily("defences")
