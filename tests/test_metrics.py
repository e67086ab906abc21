"""Figures, against slow and readable ones."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from antivenom.data import Dataset
from antivenom.errors import DataError
from antivenom.metrics import accuracy, accuracy_from, class_accuracies, confusion, summary
from tests.helpers.toys import Told

SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=8)


def rows(pairs: list[tuple[int, int]], classes: int = 4) -> Dataset:
    """Rows of a true class, and the class that `Told` takes them for."""
    table = np.array(pairs, dtype=np.float32).reshape(-1, 2)
    return Dataset.from_arrays(table[:, 1:], table[:, 0], classes=[str(number) for number in range(classes)])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_confusion_and_accuracies_count_what_a_loop_counts(pairs: list[tuple[int, int]]) -> None:
    counts = confusion(Told(4), rows(pairs))
    for true, predicted in product(range(4), range(4)):
        assert int(counts[true, predicted]) == pairs.count((true, predicted))
    right = sum(true == predicted for true, predicted in pairs)
    if pairs:
        assert accuracy(Told(4), rows(pairs)) == accuracy_from(counts) == right / len(pairs)
    else:
        assert math.isnan(accuracy(Told(4), rows(pairs)))
        assert math.isnan(accuracy_from(counts))
    for number, value in enumerate(class_accuracies(counts)):
        there = [true == predicted for true, predicted in pairs if true == number]
        assert value == (sum(there) / len(there) if there else None)


def test_a_class_that_the_data_has_not_is_wrong_and_never_another_row_of_the_matrix() -> None:
    data = rows([(0, 0), (0, 1), (1, 3)], classes=2)
    assert accuracy(Told(4), data) == 1 / 3
    with pytest.raises(DataError, match="predicts class 3, but the classes of the data are 0 to 1"):
        confusion(Told(4), data)


@given(SHARES)
def test_the_interval_is_students(values: list[float]) -> None:
    found = summary(values)
    mean, n = np.mean(values), len(values)
    assert found["n"] == n
    assert found["mean"] == pytest.approx(mean)
    if np.std(values) > 1e-6:
        low, high = stats.t.interval(0.95, n - 1, loc=mean, scale=stats.sem(values))
        assert found["low"] == pytest.approx(max(0, low), abs=1e-9)
        assert found["high"] == pytest.approx(min(1, high), abs=1e-9)
    assert 0 <= found["low"] <= found["mean"] + 1e-12
    assert found["mean"] - 1e-12 <= found["high"] <= 1


def test_an_interval_by_hand() -> None:
    found = summary([0.8, 0.9, 1.0])  # spread 0.1, t of two degrees of freedom 4.3027
    assert found["low"] == pytest.approx(0.9 - 4.302652729911275 * 0.1 / math.sqrt(3))
    assert found["high"] == 1.0
    assert summary([0.8, 0.9, 1.0], share=False)["high"] == pytest.approx(0.9 + 4.302652729911275 * 0.1 / math.sqrt(3))


@pytest.mark.parametrize(
    ("values", "mean", "n"),
    [([], None, 0), ([None], None, 0), ([0.5], 0.5, 1), ([0.5, None], None, 1), ([math.nan, 0.5], None, 1)],
)
def test_what_does_not_apply_is_null_and_one_repeat_has_no_interval(values: list, mean: float | None, n: int) -> None:
    assert summary(values) == {"mean": mean, "n": n, "low": None, "high": None}


def test_equal_repeats_have_an_interval_of_no_width() -> None:
    assert summary([0.1] * 5) == {"mean": 0.1, "n": 5, "low": 0.1, "high": 0.1}


def test_the_interval_covers_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(0.5, 0.05, (2000, 4))
    covered = [found["low"] <= 0.5 <= found["high"] for found in map(summary, draws.tolist())]
    assert 0.93 < np.mean(covered) < 0.97
