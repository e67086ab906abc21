"""Checks of arrivals, and of trainings that arrange rows themselves."""

import torch
from torch import Tensor

from antivenom.arrivals import Arrival, RepeatedArrival
from antivenom.data import CLEAN, POISON
from antivenom.rng import Rng
from antivenom.shapes import Positions, Roles
from antivenom.testing._toys import global_state_untouched, toy_images
from antivenom.testing.register import check


def _roles(poisoned: int) -> tuple[Roles, Tensor]:
    """Return the roles and the ids of 60 rows. The attacker's rows are the last."""
    data = toy_images(60)
    roles = torch.full((len(data),), CLEAN, dtype=torch.uint8, device=data.device)
    roles[len(data) - poisoned :] = POISON
    return roles, data.ids


def _arranged(arrival: Arrival, poisoned: int = 12, seed: int = 0) -> Positions:
    return arrival.arrange(*_roles(poisoned), Rng(seed))


@check(quick=True)
def arrival_does_not_change_its_inputs(arrival: Arrival) -> None:
    """The arrival does not change roles, ids or global random streams."""
    roles, ids = _roles(12)
    before = roles.clone(), ids.clone()
    with global_state_untouched():
        arrival.arrange(roles, ids, Rng(0))
    assert torch.equal(roles, before[0]) and torch.equal(ids, before[1]), "the arrival changed its inputs"


@check(quick=True)
def arrival_keeps_the_device(arrival: Arrival) -> None:
    """The positions are on the device of the roles, and the same on every device."""
    roles, ids = _roles(12)
    order, on_cpu = _arranged(arrival), arrival.arrange(roles.cpu(), ids.cpu(), Rng(0))
    assert order.device == roles.device, f"the roles are on {roles.device}, the positions on {order.device}"
    assert torch.equal(order.cpu(), on_cpu), f"the order on the CPU differs from the order on {roles.device}"


@check
def arrival_includes_every_row(arrival: Arrival) -> None:
    """Each clean row arrives once. The attacker's rows arrive `repeats` times, or equally often without `repeats`."""
    for poisoned in (0, 12):
        order = _arranged(arrival, poisoned)
        valid = order.dtype == torch.int64 and 0 <= int(order.min()) <= int(order.max()) < 60
        assert valid, "the arrival must return positions of rows, of type int64"
        times = order.bincount(minlength=60)
        clean, contributed = times[: 60 - poisoned], set(times[60 - poisoned :].tolist())
        assert bool((clean == 1).all()), "each clean row must arrive once"
        expected = {arrival.repeats} if isinstance(arrival, RepeatedArrival) and poisoned else contributed
        equally_often = contributed == expected and len(contributed) <= 1
        assert equally_often, f"the attacker's rows must arrive equally often; got {sorted(contributed)} times"
        assert 0 not in contributed, "a row of the attacker never arrives"


@check
def arrival_is_reproducible(arrival: Arrival) -> None:
    """The same seed returns the same order, and another seed returns another order."""
    first, again, other = (_arranged(arrival, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first, again), "the same seed returned different orders"
    assert not torch.equal(first, other), "different seeds returned the same order"


@check
def arrival_keeps_the_order_of_clean_rows(arrival: Arrival) -> None:
    """The order of the clean rows is the same for victim and control: it does not depend on the attacker's rows."""
    alone, with_poison = _arranged(arrival, 0), _arranged(arrival, 12)
    clean = [order[order < 48] for order in (alone, with_poison)]
    assert torch.equal(*clean), "the order of the clean rows depends on the attacker's rows"
