"""What every arrival promises, and every training that arranges rows itself."""

import torch
from torch import Tensor

from antivenom.arrivals import Arrival, RepeatedArrival
from antivenom.data import CLEAN, POISON
from antivenom.rng import Rng
from antivenom.shapes import Positions, Roles
from antivenom.testing._checks import check
from antivenom.testing._toys import global_state_untouched, toy_images


def _roles(poisoned: int) -> tuple[Roles, Tensor]:
    """The roles of 60 rows, of which the attacker's are the last, and the rows' ids."""
    data = toy_images(60)
    roles = torch.full((len(data),), CLEAN, dtype=torch.uint8, device=data.device)
    roles[len(data) - poisoned :] = POISON
    return roles, data.ids


def _arranged(arrival: Arrival, poisoned: int = 12, seed: int = 0) -> Positions:
    return arrival.arrange(*_roles(poisoned), Rng(seed))


@check(quick=True)
def arrival_leaves_its_inputs_alone(arrival: Arrival) -> None:
    """Neither roles, ids nor any global random stream is touched."""
    roles, ids = _roles(12)
    before = roles.clone(), ids.clone()
    with global_state_untouched():
        arrival.arrange(roles, ids, Rng(0))
    assert torch.equal(roles, before[0]) and torch.equal(ids, before[1]), "the arrival changed what it was given"


@check(quick=True)
def arrival_keeps_the_device(arrival: Arrival) -> None:
    """Positions are where the roles are, and the same on every device."""
    roles, ids = _roles(12)
    there, on_cpu = _arranged(arrival), arrival.arrange(roles.cpu(), ids.cpu(), Rng(0))
    assert there.device == roles.device, f"the roles are on {roles.device}, the positions on {there.device}"
    assert torch.equal(there.cpu(), on_cpu), f"the order is another on the CPU than on {roles.device}"


@check
def arrival_lets_every_row_in(arrival: Arrival) -> None:
    """Each clean row arrives once; the attacker's all equally often, `repeats` times where the arrival has that."""
    for poisoned in (0, 12):
        order = _arranged(arrival, poisoned)
        assert order.dtype == torch.int64 and 0 <= int(order.min()) <= int(order.max()) < 60, "not positions of rows"
        times = order.bincount(minlength=60)
        clean, contributed = times[: 60 - poisoned], set(times[60 - poisoned :].tolist())
        assert bool((clean == 1).all()), "a clean row arrives not at all, or several times"
        expected = {arrival.repeats} if isinstance(arrival, RepeatedArrival) and poisoned else contributed
        assert contributed == expected and len(contributed) <= 1, f"the attacker's rows arrive {contributed} times"
        assert 0 not in contributed, "a row of the attacker's never arrives"


@check
def arrival_is_reproducible(arrival: Arrival) -> None:
    """Same seed, same order; another seed, another."""
    first, again, other = (_arranged(arrival, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first, again), "the same seed gave another order"
    assert not torch.equal(first, other), "another seed gave the same order"


@check
def arrival_keeps_the_order_of_clean_rows(arrival: Arrival) -> None:
    """Clean rows arrive in the same order, whether the attacker's come or not: victim and control are twins."""
    alone, with_poison = _arranged(arrival, 0), _arranged(arrival, 12)
    clean = [order[order < 48] for order in (alone, with_poison)]
    assert torch.equal(*clean), "the order of the clean rows depends on the attacker's"
