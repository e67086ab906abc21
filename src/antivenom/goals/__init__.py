"""Goals: what an attacker wants at test time. One a file."""

from antivenom.goals._goal import Goal, TriggeredGoal
from antivenom.registry import lazily

__all__ = ["Goal", "TriggeredGoal"]

__getattr__, __dir__ = lazily("goals")
