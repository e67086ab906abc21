"""Triggers: what activates a backdoor. One a file."""

from antivenom.registry import lazily
from antivenom.triggers._trigger import Trigger

__all__ = ["Trigger"]

__getattr__, __dir__ = lazily("triggers")
