"""Charts of example rows: poison beside its originals, and test rows that the victim gets wrong."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.charts import Chart, Images, Table, Tile
from antivenom.data import Dataset, Goal, Poisoned, Scorer
from antivenom.data.class_order import named_class
from antivenom.data.spread import spread_over
from antivenom.goals import TriggeredGoal, attacked_rows, triggered_rows
from antivenom.models import predictions

ROWS_SHOWN = 8
VALUES_SHOWN = 8


def poison_chart(poisoned: Poisoned) -> Chart | None:
    """Return a chart of poisoned rows of all labels, each beside its original, or None if there are none.

    Rows that are not images are shown as a table.
    """
    chosen = spread_over(poisoned.y, poisoned.origin >= 0, ROWS_SHOWN)
    if not len(chosen):
        return None
    origin = poisoned.origin[chosen]
    before, after = poisoned.base.x[origin].cpu(), poisoned.x[chosen].cpu()
    labels = [
        tuple(poisoned.base.classes[int(label)] for label in pair)
        for pair in zip(poisoned.base.y[origin], poisoned.y[chosen], strict=True)
    ]
    if before.ndim != 4:
        return _changed_values(before, after, labels)
    rows = tuple(_beside(*each) for each in zip(before, after, labels, strict=True))
    if torch.equal(before, after):
        note = "The images are unchanged; only their labels are wrong."
    else:
        note = "The difference is scaled to the full range: grey: no change, white: brighter, black: darker."
    alt = f"Poisoned training images beside their originals: {len(rows)}."
    return Images(name="examples", rows=rows, wraps=True, caption=note, alt=alt)


def attempts_chart(goal: Goal, victim: Scorer, control: Scorer | None, test: Dataset) -> Chart | None:
    """Return a chart of test rows with the trigger, or of rows that only the victim gets wrong, or None if none."""
    if isinstance(goal, TriggeredGoal):
        attacked = attacked_rows(goal, test)
        rows = attacked.subset(spread_over(attacked.y, torch.ones_like(attacked.y, dtype=torch.bool), ROWS_SHOWN))
        after, caption = triggered_rows(goal, rows), "Test images with the trigger."
    else:
        wrong = predictions(victim, test).to(test.device) != test.y
        if control is not None:
            wrong &= predictions(control, test).to(test.device) == test.y
        rows = after = test.subset(spread_over(test.y, wrong, ROWS_SHOWN))
        caption = "Test images that the victim gets wrong" + (" and the control gets right." if control else ".")
    if not len(rows) or not rows.is_image:
        return None
    named = {"victim": predictions(victim, after)}
    if control is not None:
        named["control"] = predictions(control, after)
    tiles = tuple(_attempt(after, row, named) for row in range(len(after)))
    alt = f"Test images with the classes predicted by {' and '.join(named)}: {len(tiles)}."
    return Images(name="attempts", rows=tuple((tile,) for tile in tiles), wraps=True, caption=caption, alt=alt)


def _beside(before: Tensor, after: Tensor, labels: tuple[str, ...]) -> tuple[Tile, ...]:
    old, new = labels
    label = f"label {old} → {new}" if old != new else f"label {old}, kept"
    tiles = [
        Tile(pixels=before.numpy(), lines=("original",), alt=f"training image of class {old}"),
        Tile(
            pixels=after.numpy(), lines=("poisoned", label), alt=f"the same image as the victim saw it, labelled {new}"
        ),
    ]
    if not torch.equal(before, after):
        count = int((before != after).any(0).sum())
        words = f"the difference: {count} changed pixel{'' if count == 1 else 's'}"
        tiles.append(Tile(pixels=_difference(before, after), lines=("difference",), alt=words))
    return tuple(tiles)


def _difference(before: Tensor, after: Tensor) -> NDArray[np.float64]:
    """Return the difference of two images, scaled to the full range from 0 to 1; 0.5 means no change."""
    change = (after.double() - before.double()).numpy()
    peak = np.abs(change).max()
    return np.asarray(0.5 + (change / (2 * peak) if peak else 0 * change))


def _attempt(after: Dataset, row: int, predicted: dict[str, Tensor]) -> Tile:
    true = named_class(int(after.y[row]), after.classes)
    words = {who: _named(after.classes, int(each[row])) for who, each in predicted.items()}
    lines = (f"true class {true}", *(f"{who}: {name}" for who, name in words.items()))
    alt = f"test image of class {true}; {', '.join(f'the {who} predicts {name}' for who, name in words.items())}"
    return Tile(pixels=after.x[row].cpu().numpy(), lines=lines, alt=alt)


def _named(classes: tuple[str, ...], predicted: int) -> str:
    if predicted < 0:
        return "no answer"  # the classifier abstains
    return named_class(predicted, classes) if predicted < len(classes) else f"class {predicted}"


def _changed_values(before: Tensor, after: Tensor, labels: list[tuple[str, ...]]) -> Table:
    """Return a table of the values that the attacker changed, row by row."""

    def rows() -> Iterator[tuple[str, ...]]:
        for old, new, (was, now) in zip(before.flatten(1), after.flatten(1), labels, strict=True):
            changed = torch.nonzero(old != new).flatten()[:VALUES_SHOWN].tolist()
            more = int((old != new).sum()) - len(changed)
            words = [f"[{place}] {float(old[place]):.4g} → {float(new[place]):.4g}" for place in changed]
            yield was, now, "; ".join(words) + (f"; {more} more" if more else "") or "none"

    return Table(
        name="examples",
        columns=("label before", "label after", "changed values [column]"),
        rows=tuple(rows()),
        caption="Some of the poisoned rows, and the values that the attacker changed.",
        alt=f"Poisoned rows beside their originals: {len(before)}.",
    )
