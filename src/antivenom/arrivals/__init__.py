"""Arrivals: the positions of an attacker's rows among the clean rows of a stream."""

from antivenom.arrivals._arrival import Arrival, RepeatedArrival, arranged, repeats_of
from antivenom.registry import lazily

__all__ = ["Arrival", "RepeatedArrival", "arranged", "repeats_of"]

__getattr__, __dir__ = lazily("arrivals")
