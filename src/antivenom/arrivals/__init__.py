"""Arrivals: when an attacker's rows come in among the clean ones of a stream."""

from antivenom.arrivals._arrival import Arrival, RepeatedArrival, repeats_of
from antivenom.registry import lazily

__all__ = ["Arrival", "RepeatedArrival", "repeats_of"]

__getattr__, __dir__ = lazily("arrivals")
