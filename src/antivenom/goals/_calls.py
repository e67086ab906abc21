"""Calls of a goal's methods. What a user's goal does wrong becomes one line that names the goal and the method."""

import torch

from antivenom.calling import got, guarded, must_return, whole_numbers_from
from antivenom.data import Dataset, Goal, Scorer
from antivenom.goals._goal import TriggeredGoal
from antivenom.shapes import Labels


def success_of(goal: Goal, classifier: Scorer, test: Dataset) -> float | None:
    """Return the share of a goal's attempts that succeed, in [0, 1], or None if the goal has no such rate.

    Raises:
        ComponentError: the goal raises an exception, or returns something else.
    """
    share = guarded(goal, Goal.success, None)(classifier, test)
    if share is None:
        return None
    if not isinstance(share, float | int) or not 0 <= share <= 1:
        given = f"{share:g}" if isinstance(share, float | int) else got(share)
        advice = " Call float() on it." if isinstance(share, torch.Tensor) and share.numel() == 1 else ""
        raise must_return(goal, Goal.success, f"a share from 0 to 1, or None; got {given}.{advice}")
    return float(share)


def attacked_rows(goal: TriggeredGoal, test: Dataset) -> Dataset:
    """Return the test rows that a goal attacks.

    Raises:
        ComponentError: the goal raises an exception, or returns something else.
    """
    attacked: Dataset = guarded(goal, TriggeredGoal.attacked, Dataset)(test)
    return attacked


def triggered_rows(goal: TriggeredGoal, data: Dataset) -> Dataset:
    """Return the same rows with the trigger of a goal.

    Raises:
        ComponentError: the goal raises an exception, or returns something else.
    """
    triggered: Dataset = guarded(goal, TriggeredGoal.triggered, Dataset)(data)
    if triggered.x.shape != data.x.shape:
        raise must_return(
            goal,
            TriggeredGoal.triggered,
            f"the same {len(data)} rows with the trigger; got {len(triggered)} rows of shape {triggered.shape}.",
        )
    return triggered


def target_classes(goal: TriggeredGoal, data: Dataset) -> Labels:
    """Return the class that the attacker wants for each row with the trigger (n).

    Raises:
        ComponentError: the goal raises an exception, or returns something else.
    """
    wanted = whole_numbers_from(goal, TriggeredGoal.wanted, "classes", len(data.classes), data, each_row=True)
    if wanted.shape != data.y.shape:
        raise must_return(
            goal, TriggeredGoal.wanted, f"one class for each of {len(data)} rows; got the shape {tuple(wanted.shape)}."
        )
    return wanted
