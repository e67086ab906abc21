"""Triggers: what a backdoor answers to. One a file."""

from bezoar.registry import lazily
from bezoar.triggers._trigger import Trigger

__all__ = ["Trigger"]

__getattr__, __dir__ = lazily("triggers")
