"""Arrivals: when an attacker's rows come in among the clean ones of a stream."""

from antivenom.arrivals._arrival import Arrival
from antivenom.registry import lazily

__all__ = ["Arrival"]

__getattr__, __dir__ = lazily("arrivals")
