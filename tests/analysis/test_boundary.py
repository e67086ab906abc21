"""A decision boundary that walks: the lesson to its digits, the parts it is made of, and nonsense."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from antivenom import load_spec
from antivenom.analysis import Square, crossings, flipped, margin
from antivenom.analysis.boundary import Boundary
from antivenom.analysis.boundary_charts import curve_chart, plane_chart, walk_chart
from antivenom.analysis.walk import Walk
from antivenom.attacks import Chaff
from antivenom.charts import Lines, Scatter
from antivenom.data.sources import Plane
from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import MLP, Estimator
from antivenom.rng import Rng
from antivenom.runner.lesson import lesson_source
from antivenom.training import Online, OwnFit
from tests.helpers.lessons import LOGISTIC, found, spec


@pytest.mark.slow
@pytest.mark.parametrize("model", ["MLPClassifier", "SGDClassifier", "GaussianNB", "mlp"])
@pytest.mark.parametrize("shape", ["classification", "moons", "circles", "blobs"])
def test_every_estimator_on_every_shape(model: str, shape: str, recwarn: pytest.WarningsRecorder) -> None:
    made = spec(model=model, source=lesson_source(shape, seed=2), calls=2)
    made["training"]["warm_up"] |= {"epochs": 5} if model == "mlp" else {}
    made["model"] |= {"settings": {"max_iter": 300}} if model == "MLPClassifier" else {}
    result = load_spec(made).run()
    arrays = found(result)
    assert arrays["after"].shape == (2, 20, 20)
    assert bool(arrays["probable"]) == (model != "SGDClassifier")
    assert arrays["rows"].tolist() == [5, 10]
    assert result.metrics["analysis.boundary.flipped_to.1"]["mean"] == arrays["flipped"][-1, 0]
    assert result.metrics["analysis.boundary.flipped"]["mean"] == arrays["flipped"][-1].sum()


def test_grey_is_before_also_where_training_starts_afresh() -> None:
    made = spec(model=LOGISTIC, training={"name": "own_fit"})
    result = load_spec({**made, "attack": {"name": "chaff", "points": [[-2, 0.1]] * 60, "labels": [1]}}).run()
    arrays = found(result)
    assert arrays["rows"].tolist() == [0]
    assert arrays["flipped"][0, 0] > 0.01
    assert arrays["flipped.control"][0].tolist() == [0, 0], "the control is compared with the victim"


def test_charts_show_what_was_measured() -> None:
    data = found(load_spec(spec(calls=12)).run())
    walk = Walk.of(data, rows_per_call=5)
    assert walk.steps.tolist() == list(range(1, 13))
    chart = walk_chart(walk, [0, 11])
    assert [panel.title.partition(":")[0] for panel in chart.charts] == ["before", "after 1 call", "after 12 calls"]
    assert "after 60 rows" in Walk.of(data).described(11).lower()
    first, *_, last = chart.charts
    assert isinstance(first, Scatter)
    assert isinstance(last, Scatter)
    assert [field.shade for field in last.fields] == ["before", "after"]
    assert any(field.levels is not None for field in first.fields)
    assert np.array_equal(last.fields[1].values, data["after"][11])
    assert sum(len(group.xy) for group in last.groups) == len(data["test"]) + 5
    wrong, _ = walk.turned(11)
    assert last.arrows is None if not len(wrong) else len(last.arrows) == len(wrong)
    area, accuracy = curve_chart(walk).charts
    assert isinstance(area, Lines)
    assert isinstance(accuracy, Lines)
    assert [series.role for series in area.series] == ["victim", "control"]
    assert np.allclose(area.series[0].y[1:], 100 * data["flipped"].sum(1))
    assert accuracy.series[0].y[-1] == 100 * walk.accuracy(11)


def test_arrows_point_to_what_turned_wrong_and_a_square_of_one_class_has_no_line() -> None:
    ticks = np.linspace(-3, 3, 5)
    walk = Walk(
        square=Square(),
        probable=False,
        rows=np.array([5]),
        ticks=ticks,
        before=np.ones((5, 5)),
        after=np.stack([np.repeat(ticks[:, None], 5, 1)]),
        flipped=np.array([[0.0, 0.5]]),
        test=np.array([[1.0, 2.0], [-1.0, -2.0]]),
        test_classes=np.array([1, 1]),
        predicted_before=np.array([1, 1]),
        predicted=np.array([[1, 0]]),
        poison=np.zeros((0, 2)),
        poison_classes=np.zeros(0, int),
    )
    chart = plane_chart(walk, 0, title="it", poison=True)
    assert [field.contour for field in chart.fields] == [None, 0.0]
    assert chart.arrows is not None
    ((from_x, from_y, to_x, to_y),) = chart.arrows
    assert math.hypot(to_x + 1, to_y + 2) < math.hypot(from_x + 1, from_y + 2) < 1
    assert from_x > -1, "it comes from the middle"
    assert from_y > -2
    assert "1 held-out point became wrong, 0 became correct" in walk.described(0)


def test_heights_are_where_the_decision_changes() -> None:
    fitted = OwnFit().fit(
        Estimator(class_name="MLPClassifier", settings={"max_iter": 600}, random_state=123).build(
            input_shape=(2,), classes=2, bounds=None, rng=Rng(0)
        ),
        Plane().load().train,
        rng=Rng(0),
    )
    for x in (-2.0, 0.5):
        for height in crossings(fitted, x, Square()):
            near = margin(fitted, torch.tensor([[x, height - 0.02], [x, height], [x, height + 0.02]]))
            assert near[0] * near[2] < 0
            assert abs(near[1]) < 0.2 * max(abs(near[0]), abs(near[2]))
    assert flipped(np.array([1.0, -1, -1, 0]), np.array([-1.0, 1, 1, 0])) == (0.5, 0.25)


def test_a_classifier_that_has_no_plane_is_refused() -> None:
    for shape, classes in (((3,), 2), ((2,), 3), ((1, 8, 8), 2)):
        net = MLP().build(input_shape=shape, classes=classes, bounds=None, rng=Rng(0))
        with pytest.raises(CapabilityError, match=r"plane|two classes"):
            margin(net, torch.zeros(1, *shape))
    with pytest.raises(SettingsError, match=r"analysis\[0\]: boundary"):
        load_spec({"attack": "label_flip", "analysis": ["boundary"]}).run()


def test_an_analysis_of_layers_still_asks_for_layers() -> None:
    with pytest.raises(SettingsError, match=r"analysis\[0\]: similarity requires features"):
        load_spec({**spec(), "analysis": ["similarity"]}).run()


@pytest.mark.parametrize(
    ("kind", "settings", "problem"),
    [
        (Chaff, {"labels": (1, 0)}, "must have length 1 or"),
        (Boundary, {"low": 1.0, "high": 1.0}, "2 to 1000 points per side"),
        (Boundary, {"step": 1e-6}, "2 to 1000 points per side"),
        (Boundary, {"low": float("nan")}, "2 to 1000|must be"),
        (Chaff, {"points": ((1.0, math.inf),)}, "must be a list"),
        (Plane, {"noise": 0.1}, "must be null for the shape"),
        (Plane, {"rows": 3}, "rows must be"),
        (Online, {"schedule": "mixed", "warm_up_share": 1}, "must be below 1 for the schedule"),
    ],
)
def test_settings_that_cannot_be(kind: Any, settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        kind(**settings)


def test_alone_in_the_stream() -> None:
    training = Online(warm_up=OwnFit(), warm_up_share=1, batch_size=5)
    splits = Plane().load()
    known, left = training.divide(splits, Rng(0))
    assert known is splits.train
    assert left is splits
    poisoned = Chaff().poison(left.train, rng=Rng(0))
    order = training.arrange(poisoned.roles, poisoned.data.ids, Rng(0))
    assert sorted(order.tolist()) == [100, 101, 102, 103, 104]
    stand_ins = poisoned.control(Rng(0)).subset(order)
    assert all((row == splits.train.x).all(1).any() for row in stand_ins.x), "the control gets clean rows instead"
