"""Triggers: changes of an input that activate a backdoor. Each file contains one trigger."""

from antivenom.registry import lazily
from antivenom.triggers._trigger import Trigger, apply_trigger

__all__ = ["Trigger", "apply_trigger"]

__getattr__, __dir__ = lazily("triggers")
