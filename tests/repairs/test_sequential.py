"""Repairs one after the other."""

from typing import Any

import numpy as np
import torch

from antivenom.charts import Axis, Figure, Lines, Series, WithEvidence
from antivenom.defences import Verdict
from antivenom.metrics import coverage
from antivenom.models import MLP, Filtered
from antivenom.repairs import Filtering, FineTuning, Sequential, Unlearning, apply_repair
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.testing import toy_images
from tests.helpers.planted import CLEAN, Bright, planted


def test_repairs_in_order_are_each_of_what_the_one_before_gave() -> None:
    victim, goal, verdict = planted()
    clean, test = toy_images(200, seed=1), toy_images(400, seed=2)
    parts = (Filtering(layer="conv_1"), Unlearning(epochs=2))
    both = Sequential(repairs=parts).repair(victim, clean, rng=Rng(0), verdict=verdict).result
    assert isinstance(both, Filtered)
    by_hand = parts[0].repair(victim, clean, rng=Rng(0).child(0), verdict=verdict)
    by_hand = parts[1].repair(by_hand.classifier, clean, rng=Rng(0).child(1), verdict=verdict)
    assert all(torch.equal(each, both.state()[name]) for name, each in by_hand.state().items())
    assert coverage(both, goal.triggered(goal.attacked(test))) < 0.1
    assert Sequential(repairs=(FineTuning(),)).needs == {"gradients"}
    assert Sequential().needs == {"gradients", "triggers"}


@component
class Reports:
    """A repair that changes nothing and reports its evidence."""

    needs = frozenset[str]()
    value: float = 0.0

    def repair(
        self,
        classifier: Any,
        clean: Any,
        *,
        rng: Rng,
        verdict: Verdict | None = None,
    ) -> WithEvidence[Any]:
        points = Series(x=np.arange(2), y=np.full(2, self.value))
        chart = Lines(name="curve", series=(points,), x=Axis(label="x"), y=Axis(label="y"), caption="A.", alt="A.")
        return WithEvidence(classifier.copy(), (Figure(name="changed", value=self.value),), (chart,))


def test_repairs_in_sequence_pass_on_figures_and_charts() -> None:
    net = MLP(hidden=(8,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    three: Any = (Reports(value=0.25), FineTuning(epochs=1), Reports(value=0.75))
    made = Sequential(repairs=three).repair(net, CLEAN, rng=Rng(0))
    assert [(figure.key, figure.value) for figure in made.figures] == [
        ("step_1_changed", 0.25),
        ("step_3_changed", 0.75),
    ]
    assert [chart.name for chart in made.charts] == ["step_1_curve", "step_3_curve"]
    behind = apply_repair(Sequential(repairs=three), Filtered(net, Bright()), CLEAN, rng=Rng(0), verdict=None)
    assert [figure.key for figure in behind.figures] == ["step_1_changed", "step_3_changed"]
    nested: Any = (Sequential(repairs=three),)
    assert Sequential(repairs=nested).repair(net, CLEAN, rng=Rng(0)).figures[1].key == "step_1_step_3_changed"
