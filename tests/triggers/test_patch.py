"""Patches, on rows small enough to see."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from antivenom.data import Dataset
from antivenom.errors import DataError
from antivenom.goals import Backdoor
from antivenom.triggers import Patch

BLACK = torch.zeros(2, 3, 4, 5)


def marked(patch: Patch, x: torch.Tensor = BLACK) -> list[tuple[int, int]]:
    """Where the first channel of the first row changed."""
    return [tuple(place) for place in torch.nonzero(patch.apply(x, (0.0, 1.0))[0, 0] != x[0, 0]).tolist()]


@pytest.mark.parametrize(
    ("position", "corner"),
    [
        ("top_left", (0, 0)),
        ("top_right", (0, 3)),
        ("bottom_left", (2, 0)),
        ("bottom_right", (2, 3)),
        ("centre", (1, 1)),
        ((1, 2), (1, 2)),
        ((0, 0), (0, 0)),
    ],
)
def test_a_patch_is_where_it_is_said_to_be(position: Any, corner: tuple[int, int]) -> None:
    row, column = corner
    assert marked(Patch(size=2, position=position)) == [(row + i, column + j) for i in (0, 1) for j in (0, 1)]


@pytest.mark.parametrize("patch", [Patch(size=5), Patch(size=2, position=(3, 0)), Patch(size=2, position=(0, 4))])
def test_a_patch_that_does_not_fit_is_refused(patch: Patch) -> None:
    with pytest.raises(DataError, match="does not fit into images of 4 × 5"):
        patch.apply(BLACK, (0.0, 1.0))


def test_a_patch_is_in_every_channel_of_every_row_and_nowhere_else() -> None:
    x = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    patched = Patch(size=2, value=0.5).apply(x, (-1.0, 3.0))
    assert torch.equal(patched[:, :, 2:, 3:], torch.ones(2, 3, 2, 2))
    patched[:, :, 2:, 3:] = x[:, :, 2:, 3:]
    assert torch.equal(patched, x)
    assert torch.equal(x, before), "the rows that came in were written to"


def test_a_patch_has_a_colour() -> None:
    patched = Patch(size=2, value=(0.0, 0.5, 1.0), pattern="checkerboard").apply(torch.zeros(1, 3, 2, 2), (0.0, 2.0))
    assert patched[0].tolist() == [[[0, 2], [2, 0]], [[1, 1], [1, 1]], [[2, 0], [0, 2]]]
    with pytest.raises(DataError, match=r"one for each channel \(1\); got 3"):
        Patch(size=2, value=(0.0, 0.5, 1.0)).apply(torch.zeros(1, 1, 2, 2), (0.0, 1.0))
    with pytest.raises(DataError, match=r"one for each channel \(1\); got 3"):
        Patch(size=2, value=(0.0, 0.5, 1.0)).apply(torch.zeros(1, 8), (0.0, 1.0))


def test_a_checkerboard_alternates() -> None:
    patched = Patch(size=3, pattern="checkerboard", value=0.75).apply(torch.zeros(1, 1, 3, 3), (0.0, 1.0))
    assert patched[0, 0].tolist() == [[0.75, 0.25, 0.75], [0.25, 0.75, 0.25], [0.75, 0.25, 0.75]]


def test_in_a_table_the_last_columns_are_marked() -> None:
    patched = Patch(size=2).apply(torch.zeros(2, 5), (0.0, 4.0))
    assert patched.tolist() == [[0, 0, 0, 4, 4]] * 2
    with pytest.raises(DataError, match="A patch of 6 columns does not fit"):
        Patch(size=6).apply(torch.zeros(2, 5), (0.0, 1.0))


def test_a_patch_is_not_lost_on_rows_that_do_not_lie_in_order() -> None:
    turned = torch.zeros(2, 4, 3).transpose(1, 2)
    assert int((Patch(size=2).apply(turned, (0.0, 1.0)) == 1).sum()) == 4
    assert int((Patch(size=2).apply(BLACK.contiguous(memory_format=torch.channels_last), (0.0, 1.0)) == 1).sum()) == 24


def test_no_rows_stay_no_rows() -> None:
    assert len(Patch().apply(torch.zeros(0, 1, 4, 4), (0.0, 1.0))) == 0
    assert len(Patch().apply(torch.zeros(0, 4), (0.0, 1.0))) == 0


@given(st.floats(-10, 10), st.floats(0.125, 10), st.floats(0, 1), st.sampled_from(["solid", "checkerboard"]))
def test_what_is_triggered_and_stored_is_within_bounds(low: float, width: float, value: float, pattern: Any) -> None:
    data = Dataset.from_arrays(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [0, 1], bounds=(low, low + width))
    goal = Backdoor(trigger=Patch(size=3, value=value, pattern=pattern), target=0)
    shown = goal.triggered(data).inputs()
    assert torch.isclose(shown.clamp(low, low + width), shown).all()
    assert (goal.triggered(data).x.float().div(255)[:, :, 3, 3] - value).abs().max() < 0.51 / 255 + 1e-4


def test_a_patch_has_no_position_in_a_table() -> None:
    with pytest.raises(DataError, match="must be 'bottom_right' for a table"):
        Patch(position="centre").apply(torch.zeros(2, 8), (0.0, 1.0))
