"""The lesson on a moving boundary: its data, its square, and the store."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier as Theirs

from antivenom import load_spec
from antivenom.data.sources import Plane
from antivenom.models import Estimator
from antivenom.rng import Rng
from antivenom.runner.lesson import lesson_points, lesson_ranges, lesson_square
from antivenom.runner.lesson_table import read_lesson_table
from antivenom.storage.store import Store
from antivenom.training import OwnFit
from tests.helpers.lessons import found, spec


def test_the_data_and_the_model_are_the_originals() -> None:
    x, y = make_classification(
        n_samples=200, n_features=2, n_informative=2, n_redundant=0, weights=[0.5, 0.5], random_state=17
    )
    splits = Plane().load()
    assert np.array_equal(splits.train.x.numpy(), x[:100].astype(np.float32))
    assert np.array_equal(splits.test.y.numpy(), y[100:])
    theirs = Theirs(max_iter=600, random_state=123).fit(splits.train.x.numpy().astype(np.float64), y[:100])
    model = Estimator(class_name="MLPClassifier", settings={"max_iter": 600}, random_state=123)
    blank = model.build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    ours = OwnFit().fit(blank, splits.train, rng=Rng(1))
    given = theirs.predict_proba(splits.test.x.numpy().astype(np.float64))
    assert np.array_equal(ours.scores(splits.test.x).numpy(), given.astype(np.float32))


def test_a_lesson_from_the_store_is_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, again = (found(load_spec(spec()).run(store=store)) for _ in range(2))
    load_spec(spec(calls=5)).run(store=store)
    longer = found(load_spec(spec(calls=5)).run(store=store))
    assert np.array_equal(first["after"], again["after"])
    assert np.array_equal(first["after"], longer["after"][:3]), "the same warm-up, read back, learned otherwise"


@pytest.mark.parametrize(("centre", "span"), [(1020.0, 4.0), (10155.0, 0.5), (1e6, 1e3), (-3e-4, 1e-6), (5.0, 0.0)])
def test_the_square_holds_all_rows(centre: float, span: float, tmp_path: Path) -> None:
    rows = centre + span * np.random.default_rng(0).uniform(-1, 1, (40, 2))
    file = tmp_path / "mine.csv"
    file.write_text("a,b,c\n" + "".join(f"{x!r},{y!r},{n % 2}\n" for n, (x, y) in enumerate(rows.tolist())))
    ranges = lesson_ranges(read_lesson_table({"name": "csv", "path": str(file)}).rows())
    low, high = lesson_square(ranges)
    assert low < np.float32(rows.min()) <= np.float32(rows.max()) < high
    assert high - low < 3 * (2 * span or 10 * centre)
    assert len(set(lesson_points(ranges))) == 5
