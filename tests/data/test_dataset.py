"""Data sets: what they refuse, how images may lie, and that storing loses nothing."""

from dataclasses import replace
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from antivenom.data import Dataset, Splits
from antivenom.errors import DataError

BOUNDS = st.tuples(st.floats(-1000, 1000, width=16), st.floats(0.0625, 1000, width=16)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)
ALL_BYTES = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)


def images(rows: int = 6) -> Dataset:
    x = np.arange(rows * 12, dtype=np.uint8).reshape(rows, 1, 3, 4)
    return Dataset.from_arrays(x, np.arange(rows) % 3)


def table(rows: int = 6) -> Dataset:
    return Dataset.from_arrays(np.linspace(0, 1, rows * 2).reshape(rows, 2), np.arange(rows) % 3, bounds=(0.0, 1.0))


def test_the_shape_hook_is_active() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        images().decode(torch.zeros(3, dtype=torch.uint8).sum())  # no rows at all
    with pytest.raises(jaxtyping.TypeCheckError):
        Dataset(x=torch.zeros(2, 1), y=torch.zeros(2).long(), ids=torch.zeros(2).long(), classes=["a"], bounds=None)  # type: ignore[arg-type]


@given(BOUNDS)
def test_every_byte_survives_decoding_and_encoding(bounds: tuple[float, float]) -> None:
    data = Dataset.from_arrays(ALL_BYTES, np.zeros(256), bounds=bounds)
    inputs = data.inputs()
    assert inputs.dtype == torch.float32
    assert torch.equal(data.encode(inputs), data.x)
    assert torch.isclose(inputs.min(), torch.tensor(bounds[0]))
    assert torch.isclose(inputs.max(), torch.tensor(bounds[1]))


@given(BOUNDS)
def test_encoding_clips_and_rounds_to_the_nearest(bounds: tuple[float, float]) -> None:
    low, high = bounds
    data = Dataset.from_arrays(ALL_BYTES, np.zeros(256), bounds=bounds)
    unit = torch.linspace(-1, 2, 301, dtype=torch.float64)
    stored = data.encode((low + unit * (high - low)).float().reshape(-1, 1, 1, 1)).flatten()
    assert (
        (stored / 255 - unit.clamp(0, 1)).abs() <= 0.51 / 255 + 1e-3 * max(abs(low), abs(high)) / (high - low)
    ).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_a_table_is_stored_as_float32_within_its_bounds(dtype: torch.dtype) -> None:
    stored = table().encode(torch.tensor([[-1.0, 2.0]], dtype=dtype))
    assert stored.dtype == torch.float32
    assert stored.tolist() == [[0.0, 1.0]]


def test_neither_decoding_nor_encoding_writes_into_what_it_is_given() -> None:
    for data in (images(), table()):
        before, inputs = data.x.clone(), data.inputs().clone()
        kept = inputs.clone()
        data.decode(data.x), data.encode(inputs)
        assert torch.equal(data.x, before)
        assert torch.equal(inputs, kept)


@pytest.mark.parametrize(
    ("given_shape", "stored"),
    [
        ((5, 8, 9), (5, 1, 8, 9)),
        ((5, 1, 8, 9), (5, 1, 8, 9)),
        ((5, 3, 8, 9), (5, 3, 8, 9)),
        ((5, 8, 9, 3), (5, 3, 8, 9)),
        ((5, 8, 9, 1), (5, 1, 8, 9)),
        ((5, 8, 9, 4), (5, 4, 8, 9)),
        ((5, 1, 3, 4), (5, 1, 3, 4)),
        ((5, 4, 4, 1), (5, 1, 4, 4)),
        ((5, 13, 8, 8), (5, 13, 8, 8)),
        ((5, 8, 8, 2), (5, 2, 8, 8)),
        ((5, 1, 1, 1), (5, 1, 1, 1)),
        ((5, 7), (5, 7)),
        ((5, 2, 3, 4, 6), (5, 2, 3, 4, 6)),
    ],
)
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.int64, bool])
def test_channels_come_first(given_shape: tuple[int, ...], stored: tuple[int, ...], kind: Any) -> None:
    x = np.arange(np.prod(given_shape)).reshape(given_shape).astype(kind)
    data = Dataset.from_arrays(x, np.zeros(5))
    assert tuple(data.x.shape) == stored
    if stored != given_shape and len(given_shape) == 4:
        assert np.array_equal(data.x.numpy(), x.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    "shape",
    [
        (5, 4, 4, 3),
        (5, 3, 5, 4),
        (5, 3, 4, 4),
        (5, 3, 3, 3),
        (5, 13, 8, 9),
        (5, 3, 8, 3),
        (5, 1, 28, 1),
        (5, 8, 8, 8),
    ],
)
def test_an_ambiguous_layout_is_refused_until_it_is_named(shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape)).reshape(shape)
    with pytest.raises(DataError, match=r"can be axis 1 or axis 3. Set channels to 'first'"):
        Dataset.from_arrays(x, np.zeros(5))
    assert np.array_equal(Dataset.from_arrays(x, np.zeros(5), channels="first").x.numpy(), x)
    last = Dataset.from_arrays(x, np.zeros(5), channels="last")
    assert np.array_equal(last.x.numpy(), np.moveaxis(x, -1, 1))
    assert not any("channels" in note for note in last.assumptions)


@pytest.mark.parametrize(
    ("shape", "words"),
    [((5, 8, 8, 3), "channels to 'first'"), ((5, 8, 8), "channels to 'none'"), ((5, 13, 8, 8), "channels to 'last'")],
)
def test_what_is_assumed_of_the_layout_is_said_with_the_setting(shape: tuple[int, ...], words: str) -> None:
    (said,) = Dataset.from_arrays(np.zeros(shape), np.zeros(5)).assumptions
    assert words in said
    assert not Dataset.from_arrays(np.zeros((5, 3, 8, 8)), np.zeros(5)).assumptions


@pytest.mark.parametrize(
    ("channels", "shape", "words"),
    [("none", (5, 1, 8, 8), "3 axes"), ("last", (5, 8, 8), "4 axes"), ("first", (5, 8, 8), "4 axes")],
)
def test_a_layout_that_does_not_fit_is_refused(channels: Any, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Dataset.from_arrays(np.zeros(shape), np.zeros(5), channels=channels)


FLOATS = np.ones((2, 3))
WRONG: list[tuple[str, Any, Any, dict[str, Any], str]] = [
    ("text", [["a"], ["b"]], [0, 1], {}, "x must contain real numbers"),
    ("ragged", [[1, 2], [3]], [0, 1], {}, "x must be an array"),
    ("complex", np.ones((2, 2), complex), [0, 1], {}, "x must contain real numbers"),
    ("complex tensor", torch.ones(2, 2, dtype=torch.complex64), [0, 1], {}, "x must contain real numbers"),
    ("objects", np.array([[None], [1]]), [0, 1], {}, "x must contain real numbers"),
    ("labels of objects", FLOATS, [{}, {}], {}, "whole numbers or text; got dict"),
    ("masked rows", np.ma.masked_equal(FLOATS, 1), [0, 1], {}, "must not have masked values; got 6"),
    ("one number", 5, [0], {}, "at least one number"),
    ("flat", [1, 2], [0, 1], {}, "at least one number"),
    ("rows of nothing", np.ones((2, 0)), [0, 1], {}, "at least one number"),
    ("too few labels", FLOATS, [0], {}, "and y shape"),
    ("fractions", FLOATS, [0, 0.5], {}, "must be whole numbers"),
    ("labels not a number", FLOATS, [0, np.nan], {}, "Row 1 has no label"),
    ("endless labels", FLOATS, [0, np.inf], {}, "Row 1 has no label"),
    ("negative labels", FLOATS, [0, -1], {}, "must not be negative"),
    ("labels beyond the names", FLOATS, [0, 2], {"classes": ["a", "b"]}, "from 0 to 1; got 0, 2"),
    ("labels beyond their number", FLOATS, [0, 2], {"classes": 2}, "from 0 to 1; got 0, 2"),
    ("measurements as labels", np.ones((200, 2)), np.arange(200) * 7, {}, "as measurements have"),
    ("not a number", [[np.nan]], [0], {}, "must contain finite numbers"),
    ("too large for float32", [[1e300]], [0], {}, "must contain finite numbers"),
    ("out of bounds", [[1.5]], [0], {"bounds": (0.0, 1.0)}, "within its bounds"),
    ("bounds the wrong way", FLOATS, [0, 1], {"bounds": (1.0, 1.0)}, "with low < high"),
    ("endless bounds", FLOATS, [0, 1], {"bounds": (0.0, np.inf)}, "with low < high"),
    ("bounds not a number", FLOATS, [0, 1], {"bounds": (np.nan, 1.0)}, "with low < high"),
    ("a name twice", FLOATS, [0, 1], {"classes": ["a", "a"]}, "names must be unique"),
]


@pytest.mark.parametrize(("x", "y", "more", "said"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_does_not_fit_together_is_refused(x: Any, y: Any, more: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Dataset.from_arrays(x, y, **more)


@pytest.mark.parametrize(
    "changes",
    [
        {"x": torch.zeros(6, 2, dtype=torch.float64)},
        {"x": torch.zeros(6)},
        {"x": torch.zeros(6, 0)},
        {"y": torch.zeros(6)},
        {"y": torch.zeros(6, dtype=torch.int32)},
        {"y": torch.zeros(6, 1, dtype=torch.int64)},
        {"ids": torch.zeros(6)},
        {"ids": torch.zeros(5, dtype=torch.int64)},
        {"y": torch.full((6,), 3)},
        {"bounds": (1.0, 0.0)},
        {"x": torch.zeros(6, 2, dtype=torch.uint8), "bounds": None},
        {"classes": ("a", "a", "b")},
    ],
)
def test_the_parts_of_a_data_set_are_held_against_each_other(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # outside the tests nobody checks the shapes
    with pytest.raises(DataError):
        replace(table(), **changes)


@pytest.mark.parametrize(
    "x",
    [
        np.ones((2, 3), np.float16),
        np.ones((2, 3), np.longdouble),
        np.ones((2, 3), ">f8"),
        np.ones((2, 3), np.int64),
        np.ones((2, 3), bool),
        np.ones((2, 3), np.uint16),
        np.ones((3, 2)).T,
        np.ones((2, 6))[:, ::-2],
        torch.ones(2, 3, requires_grad=True),
        torch.ones(2, 3, dtype=torch.bfloat16),
        [[1, 1, 1], [1, 1, 1]],
    ],
)
@pytest.mark.parametrize("kind", [np.int8, np.uint64, ">i4", np.float32, bool])
def test_numbers_of_any_type_are_taken(x: Any, kind: Any) -> None:
    data = Dataset.from_arrays(x, np.array([0, 1]).astype(kind))
    assert (data.x.dtype, data.y.dtype, data.x.requires_grad) == (torch.float32, torch.int64, False)
    assert torch.equal(data.x, torch.ones(2, 3))
    assert data.y.tolist() == [0, 1]


def test_a_value_at_a_bound_that_float32_cannot_hold_is_within() -> None:
    assert len(Dataset.from_arrays([[0.3], [0.1]], [0, 1], bounds=(0.1, 0.3))) == 2


@pytest.mark.parametrize("x", [np.zeros((0, 3)), np.zeros((0, 3, 3), np.uint8)])
def test_no_rows_are_a_data_set_too(x: Any) -> None:
    data = Dataset.from_arrays(x, [], classes=["a"], bounds=(0.0, 1.0))
    assert (len(data), data.inputs().shape[0], len(data.fingerprint)) == (0, 0, 64)


def test_the_arrays_that_came_in_stay_their_owners() -> None:
    x = np.zeros((2, 3, 3), np.uint8)
    data = Dataset.from_arrays(x, [0, 1])
    x[:] = 7
    assert int(data.x.max()) == 0


@given(st.data())
def test_a_subset_of_a_subset_keeps_the_first_ids(draw: st.DataObject) -> None:
    data = images(20)
    first = draw.draw(st.lists(st.integers(0, 19), unique=True, min_size=1))
    second = draw.draw(st.lists(st.integers(0, len(first) - 1), unique=True))
    chained = data.subset(torch.tensor(first)).subset(torch.tensor(second, dtype=torch.int64))
    rows = [first[i] for i in second]
    assert chained.ids.tolist() == rows
    assert torch.equal(chained.x, data.x[rows])
    assert torch.equal(chained.y, data.y[rows])
    mask = torch.zeros(20, dtype=torch.bool)
    mask[first] = True
    assert data.subset(mask).ids.tolist() == sorted(first)


@given(st.sampled_from(["x", "y", "ids"]), st.data())
def test_any_byte_changes_the_fingerprint(part: str, draw: st.DataObject) -> None:
    for data in (images(), table()):
        tensor = getattr(data, part).clone()
        where = draw.draw(st.integers(0, tensor.numel() - 1))
        flat = tensor.view(-1)
        flat[where] = (flat[where] + 1) % 3 if part == "y" else flat[where] + 1
        assert replace(data, **{part: tensor}).fingerprint != data.fingerprint
        assert replace(data, **{part: getattr(data, part).clone()}).fingerprint == data.fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": ("0", "1", "two")},
        {"bounds": (0.0, 2.0)},
        {"bounds": None},
        {"x": table().x.reshape(6, 1, 2)},
        {"x": table().x.view(torch.int32).view(torch.float32) * -0.0},
    ],
)
def test_names_bounds_and_shape_change_the_fingerprint(changes: dict[str, Any]) -> None:
    assert replace(table(), **changes).fingerprint != table().fingerprint


def test_equal_bounds_are_equal_however_they_are_written() -> None:
    whole = Dataset.from_arrays(np.ones((2, 2)), [0, 1], bounds=(0, 1))
    assert whole.fingerprint == Dataset.from_arrays(np.ones((2, 2)), [0, 1], bounds=(0.0, 1.0)).fingerprint


def test_inputs_takes_rows_by_position_and_by_slice() -> None:
    data = images()
    assert torch.equal(data.inputs(torch.tensor([2, 0])), data.inputs()[[2, 0]])
    assert torch.equal(data.inputs(slice(1, 3)), data.inputs()[1:3])


def test_splits_must_be_of_one_kind() -> None:
    with pytest.raises(DataError, match=r"the same (row shape|classes)"):
        Splits(train=images(), test=table())
    with pytest.raises(DataError, match="2 and 3 classes"):
        Splits(train=images(2), test=images(3))


@pytest.mark.parametrize(("high", "factor"), [(15, "17"), (1, "255"), (16, "15.94"), (31, "8.226")])
def test_images_with_few_grey_levels_are_said_to_be_dark(high: int, factor: str) -> None:
    x = np.full((2, 4, 4), high, np.uint8)
    x[0, 0] = 0
    notes = Dataset.from_arrays(x, [0, 1], channels="none").assumptions
    meaning = "black is 0 and white 255"
    assert notes == (
        f"x has uint8 values from 0 to {high}, of 0 to 255: {meaning}. Scale x by {factor} if {high} is white.",
    )
    assert "largest possible value" in Dataset.from_arrays(x.reshape(2, 16), [0, 1]).assumptions[0]
    for usual in (0, 32, 255):
        assert Dataset.from_arrays(np.full((2, 4, 4), usual, np.uint8), [0, 1], channels="none").assumptions == ()
