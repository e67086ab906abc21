"""Surrogates: the models that an attacker crafts poison against."""

from antivenom.registry import lazily
from antivenom.surrogates._surrogate import Surrogate

__all__ = ["Surrogate"]

__getattr__, __dir__ = lazily("surrogates")
