"""What each round of crafting does to the surrogate."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from antivenom.attacks import GenerativePoison, GradientPoison
from antivenom.charts import Images, Lines
from antivenom.data import Dataset
from antivenom.models import MLP, Classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images, toy_table
from antivenom.training import EndToEnd

DATA = toy_images()
STEPPED = {"rounds": 3, "keep_rounds": True, "count": 12}


def trained(data: Dataset) -> Classifier:
    blank = MLP(hidden=(8,)).build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    return EndToEnd(epochs=8, batch_size=16).fit(blank, data, rng=Rng(0))


@pytest.mark.parametrize(
    "attack", [GradientPoison(**STEPPED), GenerativePoison(hidden=(8,), pretraining=10, **STEPPED)]
)
def test_rounds_that_are_kept_are_charted(attack: GradientPoison | GenerativePoison) -> None:
    victim = trained(DATA)
    made = attack.poison(DATA, rng=Rng(0), surrogate=victim)
    lines, images = made.charts
    assert isinstance(lines, Lines) and isinstance(images, Images)
    assert (lines.name, images.name) == ("accuracy_by_round", "poison_by_round")
    *faint, mean = lines.series
    assert len(faint) == len(images.rows) == 8
    assert all(each.faint for each in faint) and not mean.faint
    assert mean.x.tolist() == [0, 1, 2, 3]
    assert np.allclose(mean.y, np.mean([each.y for each in faint], 0))
    assert images.column_labels == ("base", "round 1", "round 2", "round 3")
    assert "clean training rows, which the attacker knows" in lines.caption
    # the last point of the first poison, by hand
    row = int(made.examples(8)[0])
    step, x = victim.copy(), made.data.decode(made.x[row : row + 1])
    loss = functional.cross_entropy(step.logits(x), made.y[row : row + 1])
    weights = list(step.module.named_parameters())  # type: ignore[attr-defined]
    slopes = torch.autograd.grad(loss, [weight for _, weight in weights])
    with torch.no_grad():
        for (name, weight), slope in zip(weights, slopes, strict=True):
            weight.sub_(attack.victim_step.rate(name) * slope)
    right = step.scores(DATA.inputs()).argmax(1) == DATA.y
    assert faint[0].y[-1] == pytest.approx(100 * float(right.float().mean()), abs=0.5)
    # the tiles are the rows themselves
    assert np.allclose(images.rows[0][0].pixels, DATA.inputs()[made.origin[row]].numpy())
    assert np.allclose(images.rows[0][-1].pixels, x[0].numpy())


def test_rounds_that_are_not_kept_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("accuracy was measured")

    monkeypatch.setattr("antivenom.attacks.by_round.accuracy_after_step", refuse)
    attack = GradientPoison(count=12, rounds=3)
    assert attack.poison(DATA, rng=Rng(0), surrogate=trained(DATA)).charts == ()
    with pytest.raises(AssertionError, match="was measured"):
        attack.keeping_rounds().poison(DATA, rng=Rng(0), surrogate=trained(DATA))


def test_at_most_eleven_rounds_are_measured_and_eight_shown() -> None:
    attack = GradientPoison(count=1, rounds=30, keep_rounds=True)
    lines, images = attack.poison(DATA, rng=Rng(0), surrogate=trained(DATA)).charts
    assert isinstance(lines, Lines) and isinstance(images, Images)
    assert lines.series[-1].x.tolist() == list(range(0, 31, 3))
    assert len(images.column_labels) == 9


def test_charts_do_not_change_the_poison_and_tables_have_no_images() -> None:
    table = toy_table()
    plain, charted = (
        GradientPoison(count=5, rounds=2, keep_rounds=keep).poison(table, rng=Rng(0), surrogate=trained(table))
        for keep in (False, True)
    )
    assert plain.data.fingerprint == charted.data.fingerprint
    assert [chart.name for chart in charted.charts] == ["accuracy_by_round"]


def test_rows_of_other_bounds_are_shown_from_dark_to_bright() -> None:
    wide = replace(toy_images(), x=DATA.inputs() * 4 - 2, bounds=(-2.0, 2.0))
    attack = GradientPoison(count=2, rounds=1, keep_rounds=True)
    made = attack.poison(wide, rng=Rng(0), surrogate=trained(wide))
    images = made.charts[1]
    assert isinstance(images, Images)
    base = images.rows[0][0].pixels
    assert np.allclose(base, DATA.inputs()[made.origin[int(made.examples(2)[0])]].numpy(), atol=1e-6)
