"""Measure detections and false alarms of `neural_cleanse` on many backdoored and clean networks.

    python -m benchmarks.backdoored [--quick] [--models DIR] [--part I/N] [--schedule NAME] [--json FILE]

There are 35 backdoored and 35 clean networks on MNIST, and 14 and 14 on CIFAR-10. Each has its own seed, which
determines its rows, weights, trigger, target and rate. A network counts as backdoored if its trigger works on more than
half of the test rows. The scan receives 1,000 clean test rows. Accuracy and attack success are measured on the other
test rows. The paper's rule, an anomaly index above 2, is reported for comparison. The settings were chosen on seeds
below 2000 (`--tuning`); the reported figures use seeds from 2000 on. Trained networks and verdicts are kept in
`--models`, so several parts can run at the same time. A last run reports all parts.
"""

import argparse
import json
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

import torch
from safetensors.torch import load_file, save_file
from scipy import stats

from antivenom import Rng, load
from antivenom.attacks.badnets import BadNets
from antivenom.data import Dataset, Splits
from antivenom.defences.neural_cleanse import NeuralCleanse
from antivenom.goals.backdoor import Backdoor
from antivenom.metrics import accuracy, auroc
from antivenom.models import Classifier, ModuleClassifier, is_module
from antivenom.models.cnn import CNN
from antivenom.training.end_to_end import EndToEnd
from antivenom.triggers import Trigger
from antivenom.triggers.blend import Blend
from antivenom.triggers.patch import Patch
from antivenom.triggers.sinusoid import Sinusoid
from benchmarks.machine import machine

KINDS = ("patch 1", "patch 2", "patch 3", "patch 4", "blend", "sinusoid", "one source")
RATES = (0.05, 0.1, 0.2)
NETWORKS = {"mnist": CNN(filters=(16, 32), hidden=(128,)), "cifar10": CNN(filters=(16, 32, 64), hidden=(64,))}
TRAININGS = {
    "mnist": (12_000, EndToEnd(epochs=3, batch_size=64)),
    "cifar10": (15_000, EndToEnd(epochs=6, batch_size=64, schedule="linear", learning_rate=2e-3)),
}
MIN_SUCCESS = 0.5
"""A network counts as backdoored if the attack success rate is higher than this."""
SCHEDULES: tuple[Literal["successive", "all"], ...] = ("successive", "all")


@dataclass(frozen=True)
class Case:
    """A network of the benchmark.

    Attributes:
        data: the name of the data set.
        kind: one of `KINDS`, or `clean`.
        seed: the seed of all random choices.
    """

    data: str
    kind: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its file, without the suffix."""
        return f"{self.data}-{self.kind.replace(' ', '-')}-{self.seed}"


@dataclass(frozen=True)
class Member:
    """A trained model, and the truth about it."""

    case: Case
    classifier: ModuleClassifier
    goal: Backdoor | None
    accuracy: float
    success: float | None

    @property
    def backdoored(self) -> bool:
        """True if the network was attacked and the backdoor works."""
        return self.success is not None and self.success > MIN_SUCCESS


def cases(first_seed: int, counts: dict[str, int]) -> list[Case]:
    """Return the cases: `counts` networks of each kind for each data set, and an equal number of clean networks."""
    kinds = [(data, kind) for kind in (*KINDS, *["clean"] * len(KINDS)) for data in NETWORKS]
    return [
        Case(data, kind, first_seed + repeat * len(kinds) + number)
        for repeat in range(max(counts.values()))
        for number, (data, kind) in enumerate(kinds)
        if repeat < counts.get(data, 0)
    ]


@cache
def splits(name: str) -> Splits:
    """Return a data set. The result is cached."""
    return load(name)


def clean_rows(case: Case, count: int = 1000) -> Dataset:
    """Return the clean test rows of the defender. Nothing else is measured on them."""
    test = splits(case.data).test
    return test.subset(Rng(case.seed).child("defender").order(test.ids)[:count])


def other_rows(case: Case, count: int = 1000) -> Dataset:
    """Return the other test rows, which are for measurement."""
    test = splits(case.data).test
    return test.subset(Rng(case.seed).child("defender").order(test.ids)[count:])


def member(case: Case, folder: Path) -> Member:
    """Return the network of a case. Read it from `folder`, or train it and save it there."""
    data, rng = splits(case.data), Rng(case.seed)
    rows, training = TRAININGS[case.data]
    train = data.train.subset(rng.child("rows").order(data.train.ids)[:rows])
    network = NETWORKS[case.data]
    blank: Classifier = network.build(input_shape=train.shape, classes=10, bounds=train.bounds, rng=rng.child("model"))
    goal: Backdoor | None = None
    if case.kind != "clean":
        poisoned = attack(case).poison(train, rng=rng.child("attack"))
        assert isinstance(poisoned.goal, Backdoor)
        goal = poisoned.goal
        train = poisoned.data
    file = folder / f"{case.name}.safetensors"
    classifier: Classifier
    if file.is_file():
        classifier = blank.with_state(load_file(file))
    else:
        classifier = training.fit(blank, train, rng=rng.child("fit"))
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: each.contiguous() for name, each in classifier.state().items()}, file)
    assert is_module(classifier)
    test = other_rows(case)
    return Member(case, classifier, goal, accuracy(classifier, test), goal.success(classifier, test) if goal else None)


def attack(case: Case) -> BadNets:
    """Return the attack of a case."""
    draw = Rng(case.seed).child("what").numpy()
    target = int(draw.integers(10))
    plain = BadNets(
        rate=float(draw.choice(RATES)), target=target, trigger=trigger(case, int(draw.integers(0, 1 << 31)))
    )
    if case.kind != "one source":
        return plain
    return replace(plain, source=int((target + draw.integers(1, 10)) % 10), rate=0.05)


def trigger(case: Case, seed: int) -> Trigger:
    """Return the trigger of a case."""
    draw = Rng(seed).numpy()
    if case.kind == "blend":
        return Blend(alpha=0.2, seed=seed)
    if case.kind == "sinusoid":
        return Sinusoid(amplitude=(40 if case.data == "mnist" else 20) / 255, frequency=6)
    channels, side = splits(case.data).train.shape[:2]
    size = 3 if case.kind == "one source" else int(case.kind.split()[1])
    row, column = (int(each) for each in draw.integers(0, side - size + 1, 2))
    value = tuple(float(each) for each in draw.uniform(0.5 if channels == 1 else 0, 1, channels))
    return Patch(size=size, position=(row, column), value=value)


def scanned(case: Case, folder: Path, schedule: Literal["successive", "all"]) -> dict[str, Any]:
    """Scan the network of a case and return the verdict and the truth. Read them from `folder` if they exist."""
    file = folder / f"{case.name}-{schedule}.json"
    if file.is_file():
        return cast(dict[str, Any], json.loads(file.read_text(encoding="utf-8")))
    trained = member(case, folder)
    start = time.perf_counter()
    verdict = NeuralCleanse(schedule=schedule).scan(
        trained.classifier, clean_rows(case), rng=Rng(case.seed).child("scan")
    )
    target = trained.goal.target if trained.goal else None
    record = {
        "data": case.data,
        "kind": case.kind,
        "accuracy": trained.accuracy,
        "success": trained.success,
        "backdoored": trained.backdoored,
        "seconds": time.perf_counter() - start,
        "rows": verdict.figure("rows_scored"),
        "p": float(verdict.p_value.nan_to_num(nan=1.0).min()),
        "flagged": list(verdict.suspected),
        "paper": torch.nonzero(verdict.details["anomaly_index"] > 2).flatten().tolist(),
        "identified": verdict.suspected == (target,),
        "target": target,
        "l1": verdict.statistic.tolist(),
        "inconclusive": float(verdict.inconclusive.double().mean()),
    }
    file.write_text(json.dumps(record), encoding="utf-8")
    return record


def figures(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the summary of all networks for one schedule."""
    backdoored = [each for each in records if each["backdoored"]]
    clean = [each for each in records if each["kind"] == "clean"]
    p = torch.tensor([each["p"] for each in (*backdoored, *clean)], dtype=torch.float64)
    kinds = {}
    for kind in KINDS:
        of_kind = [each for each in backdoored if each["kind"] == kind]
        kinds[kind] = {"n": len(of_kind), "found": sum(each["target"] in each["flagged"] for each in of_kind)}
    return {
        "backdoored": len(backdoored),
        "clean": len(clean),
        "auc": auroc(-p, torch.arange(len(p)) < len(backdoored)),
        "found": share(sum(each["target"] in each["flagged"] for each in backdoored), len(backdoored)),
        "target and nothing else": share(sum(each["identified"] for each in backdoored), len(backdoored)),
        "false alarms": share(sum(bool(each["flagged"]) for each in clean), len(clean)),
        "paper's rule finds": share(sum(each["target"] in each["paper"] for each in backdoored), len(backdoored)),
        "paper's rule, false alarms": share(sum(bool(each["paper"]) for each in clean), len(clean)),
        "by kind": kinds,
        "seconds": sum(each["seconds"] for each in records) / len(records),
        "rows": sum(each["rows"] for each in records) / len(records),
    }


def share(hits: int, of: int) -> dict[str, float]:
    """Return a share with its 95 % interval (Clopper and Pearson)."""
    interval = stats.binomtest(hits, of).proportion_ci(0.95) if of else None
    return {"hits": hits, "n": of} | ({"low": interval.low, "high": interval.high} if interval else {})


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only 2 networks on MNIST")
    parser.add_argument("--models", type=Path, help="folder for networks and verdicts (default: temporary)")
    parser.add_argument("--part", default="0/1", help="I/N: only every N-th network, starting with the I-th")
    parser.add_argument("--schedule", choices=SCHEDULES, help="only this schedule")
    parser.add_argument("--tuning", action="store_true", help="use the networks on which the settings were chosen")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = arguments.models or Path(temporary)
        selected = cases(2000, {"mnist": 5, "cifar10": 2})
        if arguments.tuning:
            selected = cases(0, {"mnist": 5, "cifar10": 2}) + cases(1000, {"mnist": 2, "cifar10": 1})
        if arguments.quick:
            selected = [case for case in selected if case.data == "mnist" and case.seed in (2006, 2014)]
        part, parts = (int(each) for each in arguments.part.split("/"))
        by_schedule: dict[str, list[dict[str, Any]]] = {}
        for schedule in (arguments.schedule,) if arguments.schedule else SCHEDULES:
            records = by_schedule.setdefault(schedule, [])
            for case in selected[part::parts]:
                records.append(scanned(case, folder, schedule))
                line = {key: records[-1][key] for key in ("success", "target", "flagged", "p")}
                print(schedule, case.name, line, flush=True)
    result: dict[str, Any] = {"machine": machine(), "networks": len(selected[part::parts])}
    for name, records in by_schedule.items():
        by_data = {data: [each for each in records if each["data"] == data] for data in NETWORKS}
        result[name] = {"both": figures(records)} | {data: figures(each) for data, each in by_data.items() if each}
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
