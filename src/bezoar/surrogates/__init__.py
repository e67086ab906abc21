"""Surrogates: the models that an attacker crafts poison against."""

from bezoar.registry import lazily
from bezoar.surrogates._surrogate import Surrogate

__all__ = ["Surrogate"]

__getattr__, __dir__ = lazily("surrogates")
