"""Arrivals: when an attacker's rows come in among the clean ones of a stream."""

from bezoar.arrivals._arrival import Arrival
from bezoar.registry import lazily

__all__ = ["Arrival"]

__getattr__, __dir__ = lazily("arrivals")
