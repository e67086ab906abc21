"""Orders in which rows arrive."""

from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from antivenom.arrivals.at_point import AtPoint
from antivenom.arrivals.bursts import Bursts
from antivenom.arrivals.spread import Spread
from antivenom.rng import Rng


@given(
    roles=st.lists(st.sampled_from([0, 0, 0, 1, 2]), max_size=30),
    arrival=st.sampled_from([Spread(), Spread(repeats=3), AtPoint(point=0.3, repeats=2), Bursts(bursts=3, repeats=2)]),
    seed=st.integers(0, 5),
)
def test_every_row_comes_and_clean_rows_keep_their_order(roles: list[int], arrival: Any, seed: int) -> None:
    marks, ids = torch.tensor(roles, dtype=torch.uint8), torch.arange(len(roles)) * 3 + 7
    order = arrival.arrange(marks, ids, Rng(seed))
    clean = order[marks[order] == 0]
    counts = torch.bincount(order, minlength=len(roles))
    assert (counts == torch.where(marks == 0, 1, arrival.repeats)).all()
    alone = arrival.arrange(marks[marks == 0], ids[marks == 0], Rng(seed))
    assert torch.equal(ids[clean], ids[marks == 0][alone])


def test_bursts_and_points_are_where_they_should_be() -> None:
    roles = torch.cat([torch.zeros(100), torch.ones(10)]).to(torch.uint8)
    ids = torch.arange(110)

    def places(arrival: Any) -> list[int]:
        return torch.nonzero(roles[arrival.arrange(roles, ids, Rng(0))]).flatten().tolist()

    assert places(AtPoint(point=0.3)) == list(range(30, 40))
    assert places(AtPoint(point=1.0)) == list(range(100, 110))
    assert places(AtPoint(point=0.3, repeats=3)) == list(range(30, 60))
    assert places(Bursts(bursts=2)) == [*range(33, 38), *range(72, 77)]
    assert np.std(places(Spread())) > 15
