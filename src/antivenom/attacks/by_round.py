"""Charts of poison that was crafted in rounds: its effect on the surrogate and its appearance, by round."""

import torch
from torch import Tensor

from antivenom.attacks.victim_step import VictimStep, accuracy_after_step
from antivenom.charts import Axis, Chart, Images, Lines, Series, Tile
from antivenom.data import Dataset, Poisoned
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.shapes import Positions

POISONS = 8
"""The largest number of poisons in a chart."""

ROUNDS, ROWS = 11, 1000
"""The largest number of rounds at which accuracy is measured, and of clean rows that it is measured on."""

COLUMNS = 8
"""The largest number of rounds that are shown as images, beside the base row."""


def with_charts_by_round(poisoned: Poisoned, surrogate: Classifier, step: VictimStep, rng: Rng) -> Poisoned:
    """Return the poisoned data with charts of its rounds, or unchanged if no rounds were kept."""
    chosen = poisoned.examples(POISONS)
    if poisoned.rounds is None or not len(chosen):
        return poisoned
    charts: list[Chart] = [_accuracy_by_round(poisoned, chosen, surrogate, step, rng)]
    if poisoned.base.is_image:
        charts.append(_poison_by_round(poisoned, chosen))
    return poisoned.with_evidence(charts=tuple(charts))


def _accuracy_by_round(
    poisoned: Poisoned, chosen: Positions, surrogate: Classifier, step: VictimStep, rng: Rng
) -> Lines:
    """Chart the surrogate's accuracy after one step on a poison: faint lines for the poisons, a thick one for the mean.

    An attacker has no test rows. Accuracy is measured on clean rows of the training set, which the attacker knows.
    """
    known = poisoned.base.subset(rng.child("shown").order(poisoned.base.ids)[:ROWS])
    count = _rounds_of(poisoned).shape[1]
    numbers = torch.linspace(0, count, min(count + 1, ROUNDS)).round().long().unique()
    accuracies = [
        accuracy_after_step(surrogate, step, known.decode(_after(poisoned, chosen, number)), poisoned.y[chosen], known)
        for number in numbers.tolist()
    ]
    x, shares = numbers.numpy(), 100 * torch.stack(accuracies, 1).numpy()
    faint = [Series(x=x, y=values, role="victim", faint=True) for values in shares]
    mean = shares.mean(0)
    return Lines(
        name="accuracy_by_round",
        series=(*faint, Series(label="mean", x=x, y=mean, role="victim", marks=True)),
        x=Axis(label="round (0: the base row with the poison's label)", whole=True),
        y=Axis(label="accuracy after one step, %", low=0, high=101),
        caption=(
            f"Accuracy of the surrogate after one step on a poison, by round of crafting: {len(chosen)} poisons, "
            f"{len(known):,} clean training rows, which the attacker knows."
        ),
        alt=(
            f"Accuracy after one step: {mean[0]:.1f} % for the base rows with the poison's labels, "
            f"{mean[-1]:.1f} % after the last round."
        ),
    )


def _poison_by_round(poisoned: Poisoned, chosen: Positions) -> Images:
    """Show the base row and the poison after some of its rounds, one row of images for each poison."""
    count = _rounds_of(poisoned).shape[1]
    numbers = [0, *sorted({round(place) for place in torch.linspace(1, count, min(count, COLUMNS)).tolist()})]
    columns = [_pixels(poisoned.base, _after(poisoned, chosen, number)) for number in numbers]
    return Images(
        name="poison_by_round",
        rows=tuple(tuple(Tile(pixels=column[row].numpy()) for column in columns) for row in range(len(chosen))),
        column_labels=("base", *(f"round {number}" for number in numbers[1:])),
        caption="From the base row to the poison, by round.",
        alt=f"{len(chosen)} poisons from their base row to the last of {count} rounds.",
    )


def _after(poisoned: Poisoned, chosen: Positions, number: int) -> Tensor:
    """Return the chosen poisons after a round, as they are stored. Round 0 is the base row."""
    return _rounds_of(poisoned)[chosen, number - 1] if number else poisoned.base.x[poisoned.origin[chosen]]


def _rounds_of(poisoned: Poisoned) -> Tensor:
    assert poisoned.rounds is not None
    return poisoned.rounds


def _pixels(data: Dataset, rows: Tensor) -> Tensor:
    """Return rows as pixels in [0, 1], on the CPU."""
    low, high = data.bounds or (0.0, 1.0)
    return ((data.decode(rows) - low) / (high - low)).clamp(0, 1).cpu()
