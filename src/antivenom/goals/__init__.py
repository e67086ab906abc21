"""Goals: the aim of an attacker at test time. Each file contains one goal."""

from antivenom.goals._goal import Goal, TriggeredGoal
from antivenom.registry import lazily

__all__ = ["Goal", "TriggeredGoal"]

__getattr__, __dir__ = lazily("goals")
