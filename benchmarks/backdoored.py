"""Backdoors of many kinds, and clean networks: the detections and false alarms of `neural_cleanse`.

    python -m benchmarks.backdoored [--quick] [--models DIR] [--part I/N] [--schedule NAME] [--json FILE]

35 backdoored and 35 clean networks on MNIST, 14 and 14 on CIFAR-10, each with a seed of its own, from which its rows,
weights, trigger, target and rate are drawn. A network counts as backdoored where its trigger works for more than half
of the test rows. The scan has 1,000 clean test rows; accuracy and attack success are on the others. Beside it, the
paper's rule: an anomaly index above 2. Settings were chosen on seeds below 2000 (`--tuning`); the figures are of seeds
from 2000 on. Trained networks and verdicts are kept in `--models`, so that parts may run side by side, and a last run
reports all.
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
WORKS = 0.5
"""A backdoor is there where it succeeds more often."""
SCHEDULES: tuple[Literal["successive", "all"], ...] = ("successive", "all")


@dataclass(frozen=True)
class Case:
    """A model of the population.

    Attributes:
        data: on which data set.
        kind: of `KINDS`, or `clean`.
        seed: of everything that is drawn for it.
    """

    data: str
    kind: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its file."""
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
        """Whether there is a backdoor, and it has taken."""
        return self.success is not None and self.success > WORKS


def cases(first_seed: int, each: dict[str, int]) -> list[Case]:
    """So many models of each kind on each data set, and as many clean ones as all kinds together, with their seeds."""
    kinds = [(which, kind) for kind in (*KINDS, *["clean"] * len(KINDS)) for which in NETWORKS]
    return [
        Case(which, kind, first_seed + again * len(kinds) + number)
        for again in range(max(each.values()))
        for number, (which, kind) in enumerate(kinds)
        if again < each.get(which, 0)
    ]


@cache
def splits(name: str) -> Splits:
    """A data set, read once."""
    return load(name)


def clean_rows(case: Case, count: int = 1000) -> Dataset:
    """What a defender has: test rows, on which nothing else is measured."""
    test = splits(case.data).test
    return test.subset(Rng(case.seed).child("defender").order(test.ids)[:count])


def other_rows(case: Case, count: int = 1000) -> Dataset:
    """The rest of the test rows, to measure on."""
    test = splits(case.data).test
    return test.subset(Rng(case.seed).child("defender").order(test.ids)[count:])


def member(case: Case, folder: Path) -> Member:
    """The model of a case, trained or read back."""
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
    """What was done to a backdoored model."""
    draw = Rng(case.seed).child("what").numpy()
    target = int(draw.integers(10))
    plain = BadNets(
        rate=float(draw.choice(RATES)), target=target, trigger=trigger(case, int(draw.integers(0, 1 << 31)))
    )
    if case.kind != "one source":
        return plain
    return replace(plain, source=int((target + draw.integers(1, 10)) % 10), rate=0.05)


def trigger(case: Case, seed: int) -> Trigger:
    """The trigger of a case."""
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
    """The verdict of a schedule on a case's model, and the truth."""
    file = folder / f"{case.name}-{schedule}.json"
    if file.is_file():
        return cast(dict[str, Any], json.loads(file.read_text(encoding="utf-8")))
    found = member(case, folder)
    begun = time.perf_counter()
    verdict = NeuralCleanse(schedule=schedule).scan(
        found.classifier, clean_rows(case), rng=Rng(case.seed).child("scan")
    )
    target = found.goal.target if found.goal else None
    record = {
        "data": case.data,
        "kind": case.kind,
        "accuracy": found.accuracy,
        "success": found.success,
        "backdoored": found.backdoored,
        "seconds": time.perf_counter() - begun,
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


def figures(found: list[dict[str, Any]]) -> dict[str, Any]:
    """What one schedule finds among networks."""
    there = [each for each in found if each["backdoored"]]
    clean = [each for each in found if each["kind"] == "clean"]
    p = torch.tensor([each["p"] for each in (*there, *clean)], dtype=torch.float64)
    kinds = {}
    for kind in KINDS:
        some = [each for each in there if each["kind"] == kind]
        kinds[kind] = {"n": len(some), "found": sum(each["target"] in each["flagged"] for each in some)}
    return {
        "backdoored": len(there),
        "clean": len(clean),
        "auc": auroc(-p, torch.arange(len(p)) < len(there)),
        "found": share(sum(each["target"] in each["flagged"] for each in there), len(there)),
        "target and nothing else": share(sum(each["identified"] for each in there), len(there)),
        "false alarms": share(sum(bool(each["flagged"]) for each in clean), len(clean)),
        "paper's rule finds": share(sum(each["target"] in each["paper"] for each in there), len(there)),
        "paper's rule, false alarms": share(sum(bool(each["paper"]) for each in clean), len(clean)),
        "by kind": kinds,
        "seconds": sum(each["seconds"] for each in found) / len(found),
        "rows": sum(each["rows"] for each in found) / len(found),
    }


def share(hits: int, of: int) -> dict[str, float]:
    """A share with its 95 % interval (Clopper and Pearson)."""
    interval = stats.binomtest(hits, of).proportion_ci(0.95) if of else None
    return {"hits": hits, "n": of} | ({"low": interval.low, "high": interval.high} if interval else {})


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 networks, on MNIST")
    parser.add_argument("--models", type=Path, help="a folder for networks and verdicts; a temporary one if left out")
    parser.add_argument("--part", default="0/1", help="I/N: only every N-th network, from the I-th")
    parser.add_argument("--schedule", choices=SCHEDULES, help="only this one")
    parser.add_argument("--tuning", action="store_true", help="the networks on which settings were chosen")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = arguments.models or Path(temporary)
        which = cases(2000, {"mnist": 5, "cifar10": 2})
        if arguments.tuning:
            which = cases(0, {"mnist": 5, "cifar10": 2}) + cases(1000, {"mnist": 2, "cifar10": 1})
        if arguments.quick:
            which = [case for case in which if case.data == "mnist" and case.seed in (2006, 2014)]
        part, parts = (int(each) for each in arguments.part.split("/"))
        found: dict[str, list[dict[str, Any]]] = {}
        for schedule in (arguments.schedule,) if arguments.schedule else SCHEDULES:
            records = found.setdefault(schedule, [])
            for case in which[part::parts]:
                records.append(scanned(case, folder, schedule))
                line = {key: records[-1][key] for key in ("success", "target", "flagged", "p")}
                print(schedule, case.name, line, flush=True)
    result: dict[str, Any] = {"machine": machine(), "networks": len(which[part::parts])}
    for name, records in found.items():
        some = {data: [each for each in records if each["data"] == data] for data in NETWORKS}
        result[name] = {"both": figures(records)} | {data: figures(each) for data, each in some.items() if each}
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
