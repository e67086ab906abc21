"""Checks of goals."""

import dataclasses

import torch

from antivenom.data import Goal
from antivenom.goals import TriggeredGoal
from antivenom.rng import Rng
from antivenom.testing._toys import bytes_of, global_state_untouched, toy_images, toy_victim
from antivenom.testing.register import check


@check(quick=True)
def goal_does_not_change_its_inputs(goal: Goal) -> None:
    """The goal does not change classifier, test rows or global random streams."""
    victim, test = toy_victim(), toy_images(60)
    before = bytes_of(victim), test.fingerprint
    with global_state_untouched():
        goal.success(victim, test)
    assert before == (bytes_of(victim), dataclasses.replace(test).fingerprint), "the goal changed its inputs"


@check(quick=True)
def goal_success_is_a_share(goal: Goal) -> None:
    """Success is a number in [0, 1], or None if it cannot be measured. This includes a test set without rows."""
    test = toy_images(60)
    for rows in (test, test.subset(torch.arange(0, device=test.device))):
        success = goal.success(toy_victim(), rows)
        assert success is None or isinstance(success, float), f"success must be a float or None; got {success!r}"
        assert success is None or 0 <= success <= 1, f"success must be between 0 and 1; got {success}"


@check(quick=True)
def goal_success_is_reproducible(goal: Goal) -> None:
    """The same classifier and rows have the same success: every time, in any order of the rows, on any device."""
    victim, test = toy_victim(), toy_images(60)
    first = goal.success(victim, test)
    assert first == goal.success(victim, test), "two measurements returned different numbers"
    mixed = test.subset(Rng(0).child("order").order(test.ids))
    assert first == goal.success(victim, mixed), "success depends on the order of the rows"
    on_cpu = goal.success(victim.to("cpu"), test.to("cpu"))
    assert first == on_cpu, f"success is {first} on {test.device} and {on_cpu} on the CPU"


@check
def goal_changes_only_inputs(goal: TriggeredGoal) -> None:
    """The trigger changes only inputs, within the bounds, and only in rows that do not have the wanted class."""
    test = toy_images(60)
    attacked = goal.attacked(test)
    assert bool(torch.isin(attacked.ids, test.ids).all()), "attacked() returned rows that are not in the test set"
    marked, wanted = goal.triggered(attacked), goal.wanted(attacked)
    kinds = [(each.x.dtype, each.shape, each.bounds) for each in (test, marked)]
    assert kinds[0] == kinds[1], f"type, shape and bounds must be {kinds[0]}; got {kinds[1]}"
    same = torch.equal(marked.y, attacked.y) and torch.equal(marked.ids, attacked.ids)
    assert same, "triggered() changed a label or an id"
    assert not torch.equal(marked.x, attacked.x), "triggered() did not change the inputs"
    assert bool(((wanted >= 0) & (wanted < len(test.classes))).all()), "wanted() returned a class that does not exist"
    assert not bool((wanted == attacked.y).any()), "attacked() returned a row that already has the wanted class"
