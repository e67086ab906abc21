"""What every goal promises."""

import dataclasses

import torch

from antivenom.data import Goal
from antivenom.goals import TriggeredGoal
from antivenom.rng import Rng
from antivenom.testing._checks import check
from antivenom.testing._toys import bytes_of, global_state_untouched, toy_images, toy_victim


@check(quick=True)
def goal_leaves_its_inputs_alone(goal: Goal) -> None:
    """Neither classifier, test rows nor any global random stream is touched."""
    victim, test = toy_victim(), toy_images(60)
    before = bytes_of(victim), test.fingerprint
    with global_state_untouched():
        goal.success(victim, test)
    assert before == (bytes_of(victim), dataclasses.replace(test).fingerprint), "the goal changed what it was given"


@check(quick=True)
def goal_success_is_a_share(goal: Goal) -> None:
    """Success is a number in [0, 1], or None where there is no such rate; of no rows too."""
    test = toy_images(60)
    for rows in (test, test.subset(torch.arange(0, device=test.device))):
        success = goal.success(toy_victim(), rows)
        assert success is None or isinstance(success, float), f"success is {success!r}, which is not a number"
        assert success is None or 0 <= success <= 1, f"success is {success}, which is not a share"


@check(quick=True)
def goal_success_is_a_function(goal: Goal) -> None:
    """The same classifier and rows, the same success: at any time, in any order of the rows, on any device."""
    victim, test = toy_victim(), toy_images(60)
    first = goal.success(victim, test)
    assert first == goal.success(victim, test), "measuring twice gave two numbers"
    mixed = test.subset(Rng(0).child("order").order(test.ids))
    assert first == goal.success(victim, mixed), "success depends on the order of the rows"
    assert first == goal.success(victim.to("cpu"), test.to("cpu")), (
        f"success is another on the CPU than on {test.device}"
    )


@check
def goal_marks_rows_and_no_more(goal: TriggeredGoal) -> None:
    """The trigger changes pixels alone, within the bounds, and no attacked row already belongs to the wanted class."""
    test = toy_images(60)
    attacked = goal.attacked(test)
    assert bool(torch.isin(attacked.ids, test.ids).all()), "it attacks rows that are not the test's"
    marked, wanted = goal.triggered(attacked), goal.wanted(attacked)
    assert (marked.x.dtype, marked.shape, marked.bounds) == (test.x.dtype, test.shape, test.bounds), "the type changed"
    assert torch.equal(marked.y, attacked.y) and torch.equal(marked.ids, attacked.ids), "a label or an id changed"
    assert not torch.equal(marked.x, attacked.x), "the trigger changes nothing"
    assert bool(((wanted >= 0) & (wanted < len(test.classes))).all()), "a wanted class does not exist"
    assert not bool((wanted == attacked.y).any()), "an attacked row already belongs to the wanted class"
