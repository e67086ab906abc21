"""Goals: the aim of an attacker at test time. Each file contains one goal."""

from antivenom.goals._calls import attacked_rows, success_of, target_classes, triggered_rows
from antivenom.goals._goal import Goal, TriggeredGoal
from antivenom.registry import lazily

__all__ = ["Goal", "TriggeredGoal", "attacked_rows", "success_of", "target_classes", "triggered_rows"]

__getattr__, __dir__ = lazily("goals")
