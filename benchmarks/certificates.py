"""Certified accuracy of partition ensembles on MNIST, beside the published figures and beside attacks.

    python -m benchmarks.certificates [--quick] [--only NAME ...] [--json FILE]

It reads MNIST from $ANTIVENOM_DATA. Finished parts in FILE are not computed again. Nothing was tuned on the test rows:
the settings of each part were chosen before its first run.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from antivenom.attacks import Attack, BadNets, LabelFlip
from antivenom.charts import with_evidence
from antivenom.data import Dataset, Splits
from antivenom.data.sources import load
from antivenom.goals.availability import Availability
from antivenom.metrics import accuracy
from antivenom.models import CNN, MLP, Certified, Classifier, Model, input_batches, predictions
from antivenom.models.radii import count_votes
from antivenom.models.voting import VotingClassifier
from antivenom.rng import Rng
from antivenom.runner.scoring.certificates import changes_between
from antivenom.training import (
    DeepPartition,
    EndToEnd,
    FiniteAggregation,
    FlipSmoothing,
    LabelPartition,
    Training,
)
from benchmarks.machine import machine

CURVE = (0, 10, 25, 50, 75, 100, 200, 300, 400, 500)
"""The numbers of changes at which the certified accuracy is printed."""

PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "dpa_1200": {"clean": 95.85, "base": 76.97, "median": 448},
}
"""Table 1 of Levine and Feizi (2021), MNIST: Network-in-Network, 200 epochs, on GPUs."""

SMALL = EndToEnd(epochs=60, batch_size=16, learning_rate=0.003, crop=2)
"""The training of one member."""

PARTS: Mapping[str, tuple[Model, Training]] = {
    "dpa_250": (MLP(hidden=(64,)), DeepPartition(partitions=250, base=SMALL)),
    "fa_250_2": (MLP(hidden=(64,)), FiniteAggregation(partitions=250, copies=2, base=SMALL)),
    "dpa_1200": (MLP(hidden=(64,)), DeepPartition(partitions=1200, base=SMALL)),
    "ss_dpa_1200": (CNN(), LabelPartition(partitions=1200, representation=EndToEnd(epochs=2))),
    "flip_smoothing": (MLP(hidden=()), FlipSmoothing(noise=0.1)),
}
"""The parts: the model and the training of each."""

FLIP_ROWS = 500
"""The number of test rows for `flip_smoothing`, whose certificates need all training rows for each test row."""

Row = dict[str, Any]


def attacks() -> Iterator[tuple[str, Attack]]:
    """Yield the attacks on `dpa_250` with their names."""
    for count in (10, 50, 200):
        yield f"badnets_{count}", BadNets(count=count, mode="append", target=0)
        yield f"label_flip_{count}", LabelFlip(count=count)


def measure(name: str, splits: Splits) -> Row:
    """Train one part on clean data; return its accuracies, its certificates and its time."""
    fitted, seconds = _fitted(name, splits.train)
    test = splits.test.subset(torch.arange(FLIP_ROWS)) if name == "flip_smoothing" else splits.test
    assert isinstance(fitted, Certified)
    began = time.perf_counter()
    row: Row = {"part": name, "test_rows": len(test), "fit_seconds": seconds}
    if isinstance(fitted, VotingClassifier):
        votes = torch.cat([fitted.votes(x) for _, x in input_batches(test, most=2048)])
        predicted = count_votes(votes, fitted.classes).argmax(1)
        radii = torch.cat([fitted.radii(each) for each in votes.split(2048)])
        row |= {"members": len(fitted.members), "base": 100 * float((votes == test.y[:, None]).double().mean())}
    else:
        predicted, radii = predictions(fitted, test), fitted.certified(test.inputs())
    correct = predicted == test.y
    kept = radii.masked_fill(~correct, -1).sort(descending=True).values
    row["certify_seconds"] = time.perf_counter() - began
    row["clean"] = 100 * float(correct.double().mean())
    row["median"] = int(kept[(len(kept) + 1) // 2 - 1])
    row["curve"] = {count: 100 * float((kept >= count).double().mean()) for count in CURVE}
    return row


def attacked(splits: Splits, quick: bool) -> Iterator[Row]:
    """Yield, for each attack on `dpa_250`, its promised and its real accuracy and the number of broken certificates."""
    name, test = "dpa_25" if quick else "dpa_250", splits.test
    control, _ = _fitted(name, splits.train)
    assert isinstance(control, Certified)
    before, radii = predictions(control, test), control.certified(test.inputs())
    for attack_name, attack in attacks():
        poisoned = attack.poison(splits.train, rng=Rng(0).child("attack"))
        victim, seconds = _fitted(name, poisoned.data)
        changes = changes_between(splits.train, poisoned.data, "insertions and removals")
        assert changes is not None
        after, covered = predictions(victim, test), radii >= changes
        yield {
            "part": f"attack {attack_name}",
            "changes": changes,
            "promised": 100 * float((covered & (before == test.y)).double().mean()),
            "clean": 100 * accuracy(victim, test),
            "success": None if isinstance(poisoned.goal, Availability) else poisoned.goal.success(victim, test),
            "broken": int((covered & (after != before)).sum()),
            "fit_seconds": seconds,
        }


def _fitted(name: str, train: Dataset) -> tuple[Classifier, float]:
    model, training = PARTS[name] if name in PARTS else (MLP(hidden=(64,)), DeepPartition(partitions=25, base=SMALL))
    blank = model.build(input_shape=train.shape, classes=10, bounds=train.bounds, rng=Rng(0))
    began = time.perf_counter()
    fitted = with_evidence(training.fit(blank, train, rng=Rng(0).child("fit"))).result
    return fitted, time.perf_counter() - began


def _say(row: Row) -> None:
    published = PUBLISHED.get(row["part"], {})
    beside = f"  published: {dict(published)}" if published else ""
    print(
        json.dumps({key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()}) + beside
    )


def _resumed(file: Path | None, name: str, done: list[Row], compute: Callable[[], Iterator[Row]]) -> None:
    if not any(row["group"] == name for row in done):
        for row in compute():
            done.append({**row, "group": name})
            _say(row)
        if file is not None:
            file.write_text(json.dumps({"machine": machine(), "rows": done}, indent=1))


def main() -> None:
    """Run all parts that are not in the file yet, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, 25 partitions, one part and attacks")
    parser.add_argument("--only", nargs="*", choices=[*PARTS, "attack"], help="only these parts")
    parser.add_argument("--json", type=Path, help="the file of the results; finished parts in it are kept")
    arguments = parser.parse_args()
    print(machine(), f"processor seconds so far: {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.0f}")
    splits = load("mnist")
    if arguments.quick:
        splits = Splits(train=splits.train.subset(torch.arange(6000)), test=splits.test.subset(torch.arange(1000)))
    file: Path | None = arguments.json
    done: list[Row] = json.loads(file.read_text())["rows"] if file is not None and file.is_file() else []
    for row in done:
        _say(row)
    for name in PARTS if not arguments.quick else ("flip_smoothing",):
        if not arguments.only or name in arguments.only:
            _resumed(file, name, done, lambda name=name: iter([measure(name, splits)]))  # type: ignore[misc]
    if not arguments.only or "attack" in arguments.only:
        _resumed(file, "attack", done, lambda: attacked(splits, arguments.quick))


if __name__ == "__main__":
    main()
