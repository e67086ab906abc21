"""Goals: what an attacker wants at test time. One a file."""

from antivenom.registry import lazily

__getattr__, __dir__ = lazily("goals")
