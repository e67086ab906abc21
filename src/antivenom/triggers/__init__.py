"""Triggers: changes of an input that activate a backdoor. Each file contains one trigger."""

from antivenom.registry import lazily
from antivenom.triggers._trigger import Trigger

__all__ = ["Trigger"]

__getattr__, __dir__ = lazily("triggers")
