"""The quick `partial_fit`, against scikit-learn's own."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier as Theirs

from antivenom.private import perceptron


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_the_quick_partial_fit_is_scikit_learns_to_the_bit(
    solver: str, activation: str, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("scikit-learn's own way was taken")

    draws = np.random.default_rng(0)
    x, y, every = draws.standard_normal((60, 4)), draws.integers(0, classes, 60), np.arange(classes)
    settings = {"solver": solver, "activation": activation, "learning_rate": "adaptive", "tol": 10.0, "random_state": 3}
    slow = Theirs((7, 5), n_iter_no_change=2, **settings).partial_fit(x, y, classes=every)
    quick = deepcopy(slow)
    for number, start in enumerate(range(0, 60, 6)):
        rows = slice(start, start + 6)
        slow.partial_fit(x[rows], y[rows], classes=every)
        with monkeypatch.context() as patched:
            if number:  # the first time, both ways are tried
                patched.setattr(Theirs, "partial_fit", refuse)
            perceptron.update(quick, x[rows], y[rows], every)
    for name in vars(slow):
        assert name == "_random_state" or same(getattr(quick, name), getattr(slow, name)), name


def same(first: Any, second: Any) -> bool:
    """Whether all numbers are, within whatever holds them."""
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, np.ndarray):
        return np.array_equal(first, second)
    if hasattr(first, "__dict__"):
        return same(sorted(vars(first).items()), sorted(vars(second).items()))
    return bool(first == second)


@pytest.mark.parametrize(("depth", "broken"), [(6, lambda *_: None), (7, lambda one, *_: one.no_such_part)])
def test_where_the_quick_way_differs_scikit_learns_own_is_taken(
    depth: int, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So deep are no others in these tests: what kind of perceptron agrees is tried once in a process."""
    x, y = np.random.default_rng(0).standard_normal((6, 2)), np.array([0, 1] * 3)
    own = Theirs((7,) * depth, random_state=3).partial_fit(x, y, classes=[0, 1])
    quick = deepcopy(own)
    monkeypatch.setattr(perceptron, "quick_update", broken)
    for _ in range(2):
        perceptron.update(quick, x, y, np.arange(2))
        own.partial_fit(x, y, classes=[0, 1])
    assert all(map(np.array_equal, quick.coefs_, own.coefs_))
