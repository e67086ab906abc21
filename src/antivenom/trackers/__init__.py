"""Trackers: other programs that a run reports to while it runs. None is used unless you ask for it."""

from antivenom.registry import lazily
from antivenom.trackers._tracker import RunLog, Tracker

__all__ = ["RunLog", "Tracker"]

__getattr__, __dir__ = lazily("trackers")
