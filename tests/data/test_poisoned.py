"""What the attacker contributed, and the control that differs in that alone."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from antivenom.attacks import BadNets
from antivenom.data import CLEAN, COVER, POISON, Dataset, Poisoned
from antivenom.errors import DataError
from antivenom.goals import Availability
from antivenom.rng import Rng
from antivenom.testing import toy_images

GOAL = Availability()
ROWS = st.lists(st.integers(0, 9), unique=True).map(lambda rows: torch.tensor(rows, dtype=torch.int64))


def clean(n: int = 10) -> Dataset:
    x = torch.arange(n * 4, dtype=torch.uint8).reshape(n, 1, 2, 2)
    data = Dataset.from_arrays(x, torch.arange(n) % 3)
    return replace(data, ids=torch.arange(n) * 7 + 100)


def appended(origin: list[int] | None = None, role: Any = POISON, count: int = 4) -> Poisoned:
    return Poisoned.append(
        clean(),
        x=torch.full((count, 1, 2, 2), 255, dtype=torch.uint8),
        y=torch.ones(count, dtype=torch.int64),
        goal=GOAL,
        origin=None if origin is None else torch.tensor(origin),
        role=role,
    )


@given(ROWS)
def test_replacing_changes_those_rows_alone_and_no_id(rows: torch.Tensor) -> None:
    base = clean()
    x, y = torch.full((len(rows), 1, 2, 2), 255, dtype=torch.uint8), (base.y[rows] + 1) % 3
    poisoned = Poisoned.replace(base, rows, x=x, y=y, goal=GOAL)
    rest = torch.ones(10, dtype=torch.bool)
    rest[rows] = False
    assert torch.equal(poisoned.data.x[rows], x)
    assert torch.equal(poisoned.data.y[rows], y)
    assert torch.equal(poisoned.data.x[rest], base.x[rest])
    assert torch.equal(poisoned.data.y[rest], base.y[rest])
    assert torch.equal(poisoned.data.ids, base.ids)
    assert torch.equal(poisoned.ids, base.ids[rows])
    assert poisoned.roles.tolist() == [CLEAN if keep else POISON for keep in rest]
    assert poisoned.poison_rate == len(rows) / 10
    assert poisoned.control(Rng(0)) is base
    assert base.fingerprint == clean().fingerprint, "the base was written to"


@pytest.mark.parametrize("part", ["x", "y"])
def test_what_is_left_out_stays(part: str) -> None:
    base, rows = clean(), torch.tensor([3, 1])
    given_part = {"x": base.x[rows] + 1, "y": (base.y[rows] + 1) % 3}[part]
    poisoned = Poisoned.replace(base, rows, goal=GOAL, **{part: given_part})
    other = {"x": "y", "y": "x"}[part]
    assert torch.equal(getattr(poisoned.data, other), getattr(base, other))
    assert torch.equal(getattr(poisoned.data, part)[rows], given_part)


def test_appending_adds_rows_with_new_ids() -> None:
    poisoned, base = appended(), clean()
    data = poisoned.data
    assert (len(data), poisoned.appended, poisoned.poison_rate) == (14, 4, 4 / 14)
    assert torch.equal(data.x[:10], base.x)
    assert int(data.x[10:].min()) == 255
    assert data.ids[:10].tolist() == base.ids.tolist()
    assert len(data.ids.unique()) == 14
    assert poisoned.ids.tolist() == data.ids[10:].tolist()
    assert poisoned.roles.tolist() == [CLEAN] * 10 + [POISON] * 4
    assert poisoned.base.fingerprint == base.fingerprint


@given(st.lists(st.integers(-1, 9), min_size=4, max_size=4), st.integers(0, 5))
def test_the_control_of_appended_rows_has_as_many_clean_ones_with_the_same_ids(origin: list[int], seed: int) -> None:
    poisoned, base = appended(origin), clean()
    control = poisoned.control(Rng(seed))
    assert control.ids.tolist() == poisoned.data.ids.tolist()
    assert torch.equal(control.x[:10], base.x)
    for row, made_from in zip(range(10, 14), origin, strict=True):
        stand_ins = [i for i in range(10) if torch.equal(base.x[i], control.x[row]) and base.y[i] == control.y[row]]
        assert stand_ins, "a stand-in is no clean row"
        if made_from >= 0:
            assert stand_ins == [made_from]
    assert control.fingerprint == poisoned.control(Rng(seed)).fingerprint


def test_stand_ins_of_rows_made_from_nothing_depend_on_the_stream() -> None:
    poisoned = appended()
    assert len({poisoned.control(Rng(seed)).fingerprint for seed in range(5)}) > 1


def test_roles_are_told_row_by_row() -> None:
    roles = torch.tensor([POISON, COVER, COVER, POISON], dtype=torch.uint8)
    assert appended(role=roles).roles.tolist() == [CLEAN] * 10 + [POISON, COVER, COVER, POISON]
    covered = Poisoned.replace(clean(), torch.tensor([2]), goal=GOAL, role=COVER)
    assert covered.roles.tolist() == [CLEAN, CLEAN, COVER] + [CLEAN] * 7


def test_nothing_contributed_is_the_identity() -> None:
    for poisoned in (Poisoned.replace(clean(), torch.tensor([], dtype=torch.int64), goal=GOAL), appended(count=0)):
        assert poisoned.data.fingerprint == clean().fingerprint
        assert (poisoned.poison_rate, poisoned.roles.sum().item()) == (0.0, 0)
        assert poisoned.control(Rng(0)).fingerprint == clean().fingerprint


def rows(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.int64)


BLACK = torch.zeros(2, 1, 2, 2, dtype=torch.uint8)
WRONG = {
    "a row twice": lambda: Poisoned.replace(clean(), rows(1, 1), goal=GOAL),
    "a row beyond the end": lambda: Poisoned.replace(clean(), rows(1, 10), x=BLACK, y=rows(0, 0), goal=GOAL),
    "a row beyond the end, and nothing for it": lambda: Poisoned.replace(clean(), rows(10), goal=GOAL),
    "a row before the start": lambda: Poisoned.replace(clean(), rows(-1), goal=GOAL),
    "too few rows": lambda: Poisoned.replace(clean(), rows(1, 2, 3), x=BLACK, goal=GOAL),
    "too many labels": lambda: Poisoned.replace(clean(), rows(1), y=rows(0, 0), goal=GOAL),
    "another type": lambda: Poisoned.replace(clean(), rows(1, 2), x=BLACK.float(), goal=GOAL),
    "another shape": lambda: Poisoned.replace(clean(), rows(1, 2), x=BLACK.reshape(2, 1, 4, 1), goal=GOAL),
    "a label that is no class": lambda: Poisoned.replace(clean(), rows(1), y=rows(3), goal=GOAL),
    "a negative label": lambda: Poisoned.append(clean(), x=BLACK, y=rows(0, -1), goal=GOAL),
    "a role that is none": lambda: Poisoned.replace(clean(), rows(1), goal=GOAL, role=3),
    "clean rows": lambda: Poisoned.replace(clean(), rows(1), goal=GOAL, role=CLEAN),
    "an origin beyond the end": lambda: appended([0, 1, 2, 10]),
    "an origin before nothing": lambda: appended([0, 1, 2, -2]),
    "too few origins": lambda: appended([0, 1]),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG.keys())
def test_what_does_not_fit_is_refused(make: Any) -> None:
    with pytest.raises(DataError):
        make()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for what is mapped")
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_what_is_larger_than_memory_is_mapped_and_is_the_same(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = toy_images()
    attack = BadNets(rate=0.2, mode=mode)
    usual = attack.poison(data, rng=Rng(0))
    assert "antivenom-" not in where_it_lies(usual.data.x)
    monkeypatch.setattr("antivenom.data.memmap.MAX_BYTES_IN_MEMORY", 100)
    mapped = attack.poison(data, rng=Rng(0))
    assert mapped.data.fingerprint == usual.data.fingerprint
    assert mapped.control(Rng(1)).fingerprint == usual.control(Rng(1)).fingerprint
    for rows in (mapped.data, data.split(0.25, Rng(0)).test):
        assert "antivenom-" in where_it_lies(rows.x)


def where_it_lies(tensor: torch.Tensor) -> str:
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= tensor.data_ptr() < end:
            return line
    raise AssertionError("nowhere")
