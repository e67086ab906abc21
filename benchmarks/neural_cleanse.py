"""Measure the time until `neural_cleanse` returns a verdict, and compare it with simpler schedules and with ART.

    python -m benchmarks.neural_cleanse [--quick] [--only PART] [--art PYTHON] [--json FILE]

There are four parts:

- `sequential`: backdoored and clean MNIST networks, 1,000 clean rows, default settings. The baseline searches one class
  after the other in plain PyTorch with the same schedule, early stop and batch size, and with half the batch size.
- `art`: images per second of ART's `KerasNeuralCleanse` on the same rows and an equal network. It runs in a separate
  environment with `tensorflow-cpu` 2.15 and `adversarial-robustness-toolbox`; `--art` is its Python. Its time until a
  verdict is extrapolated from measured passes: its cost never rises, so it stops only after all 1,000 passes.
- `growth`: 10, 43 and 100 classes, which are pairs of digits.
- `controls`: the number of flagged networks among 20 clean ones, built like that of the example `neural_cleanse_mnist`.

The networks are trained here. The seeds were fixed before any result was seen.
"""

import argparse
import json
import math
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from antivenom import Rng, load
from antivenom.attacks.badnets import BadNets
from antivenom.data import Dataset
from antivenom.defences.neural_cleanse import NeuralCleanse
from antivenom.defences.neural_cleanse.inversion import TANH_MARGIN
from antivenom.defences.outliers import Prior, p_values
from antivenom.models import Classifier, ModuleClassifier
from antivenom.models.cnn import CNN
from antivenom.training.end_to_end import EndToEnd
from antivenom.triggers.patch import Patch
from benchmarks.machine import machine

PASSES, BATCHES_PER_PASS = 1000, 31
"""The largest number of passes in ART, and the number of mini-batches in a pass of 1,000 rows."""


def network(train: Dataset, seed: int, target: int | None) -> ModuleClassifier:
    """Train a small network. It gets a backdoor if a target is given."""
    rng, data = Rng(seed), train
    if target is not None:
        data = BadNets(rate=0.1, target=target, trigger=Patch(size=4)).poison(train, rng=rng.child("attack")).data
    blank = CNN().build(
        input_shape=train.shape, classes=len(train.classes), bounds=train.bounds, rng=rng.child("model")
    )
    classifier: Classifier = EndToEnd(epochs=3, batch_size=64).fit(blank, data, rng=rng.child("fit"))
    assert isinstance(classifier, ModuleClassifier)
    return classifier


def one_class(
    model: ModuleClassifier, x: torch.Tensor, own: torch.Tensor, target: int, scan: NeuralCleanse, size: int
) -> tuple[float, int]:
    """Run the algorithm for one class in plain PyTorch. Return the smallest norm and the number of images used.

    `own` marks the rows of the class (n). They count neither as success nor in the loss.
    """
    draw = Rng(0).child(target, size).generator()
    raw = [torch.atanh((torch.rand(1, *x.shape[1:], generator=draw) - 0.5) * (2 - TANH_MARGIN)) for _ in range(2)]
    raw = [each.requires_grad_() for each in raw]
    adam = torch.optim.Adam(raw, lr=scan.learning_rate, betas=(0.5, 0.9), fused=True)
    cost, successes, up, down, changed = 0.0, 0, 0, 0, [False, False]
    recent: list[float] = []
    best = stop = math.inf
    stalled = images = 0
    order = torch.randperm(len(x), generator=draw)
    for step in range(scan.steps):
        place = step % (len(x) // size)
        if place == 0:
            order = torch.randperm(len(x), generator=draw)
        chosen = order[place * size : (place + 1) * size]
        rows, tried = x[chosen], ~own[chosen]
        mask, pattern = (each.tanh() / (2 - TANH_MARGIN) + 0.5 for each in raw)
        logits = model.logits((1 - mask) * rows + mask * pattern)[tried]
        norm = mask.sum()
        adam.zero_grad(set_to_none=True)
        (functional.cross_entropy(logits, torch.full((len(logits),), target)) + cost * norm).backward()
        adam.step()
        images += size
        recent = [*recent, float((logits.detach().argmax(1) == target).float().mean())][-scan.window :]
        works = len(recent) == scan.window and sum(recent) / scan.window >= scan.attack_success_threshold
        if works:
            best = min(best, float(norm.detach()))
        stalled = stalled + 1 if best < math.inf and best >= scan.early_stop_threshold * stop else 0
        stop = min(best, stop)
        if all(changed) and stalled >= scan.early_stop_patience:
            break
        if cost == 0:
            successes = successes + 1 if works else 0
            cost = scan.init_cost if successes >= scan.patience else 0.0
            continue
        up, down = (up + 1, 0) if works else (0, down + 1)
        if up >= scan.patience:
            cost, up, changed[0] = cost * scan.cost_multiplier, 0, True
        elif down >= scan.patience:
            cost, down, changed[1] = cost / scan.cost_multiplier**1.5, 0, True
    return best, images


def class_by_class(model: ModuleClassifier, clean: Dataset, scan: NeuralCleanse, size: int) -> dict[str, Any]:
    """Search one class after the other, and return the result."""
    frozen = model.copy()
    frozen.module.requires_grad_(False).eval()
    start = time.perf_counter()
    x = clean.inputs()
    predicted = frozen.scores(x).argmax(1)
    results = [
        one_class(frozen, x, (clean.y == target) | (predicted == target), target, scan, size)
        for target in range(model.classes)
    ]
    norms = np.array([norm if norm < math.inf else np.nan for norm, _ in results])
    p = p_values(norms, prior=Prior(scan.spread, scan.spread_weight))
    images = sum(images for _, images in results)
    seconds = time.perf_counter() - start
    flags = [target for target in range(model.classes) if p[target] <= scan.false_alarm_rate]
    return {"seconds": seconds, "images": images, "images per second": images / seconds, "flagged": flags}


def ours(model: ModuleClassifier, clean: Dataset, scan: NeuralCleanse) -> dict[str, Any]:
    """Scan with antivenom, and return the result."""
    start = time.perf_counter()
    verdict = scan.scan(model, clean, rng=Rng(0))
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "images": verdict.figure("rows_scored"),
        "images per second": (verdict.figure("rows_scored") or 0) / seconds,
        "flagged": sorted(verdict.suspected),
    }


def sequential(seeds: range) -> dict[str, Any]:
    """Compare antivenom with the search class by class, on backdoored and clean networks."""
    digits = load("mnist")
    runs = []
    for seed in seeds:
        rng = Rng(seed)
        train = digits.train.subset(rng.child("rows").order(digits.train.ids)[:12_000])
        clean = digits.test.subset(rng.child("defender").order(digits.test.ids)[:1000])
        for target in (7, None):
            model = network(train, seed, target)
            model.scores(clean.inputs())
            run: dict[str, Any] = {"target": target}
            for size in (16, 32):
                scan = NeuralCleanse(batch_size=size)
                run[f"class by class, {size}"] = class_by_class(model, clean, scan, size)
                run[f"successive, {size}"] = ours(model, clean, scan)
                results = run[f"class by class, {size}"], run[f"successive, {size}"]
                run[f"ratio, {size}"] = results[0]["seconds"] / results[1]["seconds"]
            run["all, 32"] = ours(model, clean, NeuralCleanse(schedule="all"))
            runs.append(run)
            print(json.dumps(run), flush=True)
    ratios = {size: sorted(run[f"ratio, {size}"] for run in runs) for size in (16, 32)}
    same = sum(run["successive, 32"]["flagged"] == run["class by class, 32"]["flagged"] for run in runs)
    middle = {size: each[len(each) // 2] for size, each in ratios.items()}
    return {"runs": runs, "median ratio": middle, "ratios": ratios, "same flags": [same, len(runs)]}


ART = """
import contextlib, json, os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
threads = int(sys.argv[3])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
from tensorflow import keras
from art.estimators.poison_mitigation.neural_cleanse import KerasNeuralCleanse
given = np.load(sys.argv[1])
layers = keras.layers
model = keras.Sequential([
    layers.Input((28, 28, 1)),
    layers.Conv2D(16, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
    layers.Permute((3, 1, 2)), layers.Flatten(),
    layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax"),
])
model.set_weights([given[f"w{i}"] for i in range(8)])
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
x, y = np.moveaxis(given["x"], 1, -1), np.eye(10, dtype=np.float32)[given["y"]]
right = float((model.predict(x, verbose=0).argmax(1) == given["y"]).mean())
passes = int(sys.argv[2])
with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
    cleanse = KerasNeuralCleanse(model, steps=1)
    cleanse.generate_backdoor(x, y, np.eye(10)[7])
    cleanse.steps = passes
    before = cleanse.mask_tensor_raw.numpy().copy()
    begun = time.perf_counter()
    cleanse.generate_backdoor(x, y, np.eye(10)[7])
    seconds = time.perf_counter() - begun
    moved = float(np.abs(cleanse.mask_tensor_raw.numpy() - before).max())
print(json.dumps({"images": passes * (len(x) // 32) * 32, "seconds": seconds, "accuracy": right, "moved": moved,
                  "tensorflow": tf.__version__}))
"""


def art(python: str, passes: int) -> dict[str, Any]:
    """Compare the images per second of ART and antivenom, on the same rows and an equal network."""
    digits = load("mnist")
    train, clean = digits.train.subset(torch.arange(12_000)), digits.test.subset(torch.arange(1000))
    model = network(train, 0, 7)
    mine = ours(model, clean, NeuralCleanse())
    accuracy = float((model.scores(clean.inputs()).argmax(1) == clean.y).float().mean())
    orders = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}
    weights = [value.permute(orders[value.ndim]).contiguous().numpy() for value in model.state().values()]
    with TemporaryDirectory() as folder:
        script, file = Path(folder, "run.py"), Path(folder, "given.npz")
        script.write_text(ART, encoding="utf-8")
        named = {f"w{place}": each for place, each in enumerate(weights)}
        np.savez(file, x=clean.inputs().numpy(), y=clean.y.numpy(), **named)  # type: ignore[arg-type]
        command = [python, str(script), str(file), str(passes), str(torch.get_num_threads())]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout.strip().splitlines()[-1])
    theirs["images per second"] = theirs["images"] / theirs["seconds"]
    theirs["images to a verdict"] = PASSES * BATCHES_PER_PASS * 32 * 10
    theirs["seconds to a verdict, extrapolated"] = theirs["images to a verdict"] / theirs["images per second"]
    return {
        "art": theirs,
        "ours": mine | {"accuracy": accuracy},
        "ratio of images per second": mine["images per second"] / theirs["images per second"],
        "ratio of images": theirs["images to a verdict"] / mine["images"],
        "ratio of seconds to a verdict": theirs["seconds to a verdict, extrapolated"] / mine["seconds"],
    }


def pairs(classes: int, rows: int, part: str) -> Dataset:
    """Return pairs of digits side by side (14 × 28 pixels), of the first `classes` of 100 classes."""
    digits = getattr(load("mnist"), part)
    draw = Rng(0).child("pairs", part).generator()
    labels = torch.randint(0, classes, (rows,), generator=draw)
    small = functional.avg_pool2d(digits.x.float(), 2).round().to(torch.uint8)
    sides = []
    for digit in (labels // 10, labels % 10):
        side = torch.empty(rows, 1, 14, 14, dtype=torch.uint8)
        for each in range(10):
            rows_of_digit, examples = torch.nonzero(digit == each).flatten(), torch.nonzero(digits.y == each).flatten()
            side[rows_of_digit] = small[
                examples[torch.randint(0, len(examples), (len(rows_of_digit),), generator=draw)]
            ]
        sides.append(side)
    return Dataset.from_arrays(torch.cat(sides, 3), labels, classes=tuple(map(str, range(classes))))


def growth(seeds: range, counts: tuple[int, ...]) -> dict[str, Any]:
    """Measure the time until a verdict for each number of classes."""
    runs_by_classes: dict[str, Any] = {}
    for classes in counts:
        train, clean = pairs(classes, 30_000, "train"), pairs(classes, 1000, "test")
        for seed in seeds:
            for target in (7, None):
                model = network(train, seed, target)
                accuracy = float((model.scores(clean.inputs()).argmax(1) == clean.y).float().mean())
                run: dict[str, Any] = {"accuracy": accuracy, "target": target}
                for schedule in ("successive", "all"):
                    run[schedule] = ours(model, clean, NeuralCleanse(schedule=schedule))
                runs_by_classes.setdefault(str(classes), []).append(run)
                print(classes, json.dumps(run), flush=True)
    means = {
        key: sum(run["successive"]["seconds"] for run in runs) / len(runs) for key, runs in runs_by_classes.items()
    }
    same = sum(
        run["successive"]["flagged"] == run["all"]["flagged"] for runs in runs_by_classes.values() for run in runs
    )
    first = means[str(counts[0])]
    return {
        "runs": runs_by_classes,
        "seconds": means,
        "times the first": {key: value / first for key, value in means.items()},
        "same flags": [same, sum(map(len, runs_by_classes.values()))],
    }


def controls(seeds: range) -> dict[str, Any]:
    """Count the flagged networks among clean ones with the architecture of Wang et al., trained on all of MNIST."""
    digits = load("mnist")
    records: list[dict[str, Any]] = []
    for seed in seeds:
        rng = Rng(seed)
        blank = CNN(filters=(16, 32), filter_shape=5, padding="valid", hidden=(512,)).build(
            input_shape=digits.train.shape, classes=10, bounds=digits.train.bounds, rng=rng.child("model")
        )
        classifier: Classifier = EndToEnd(epochs=3).fit(blank, digits.train, rng=rng.child("fit"))
        assert isinstance(classifier, ModuleClassifier)
        clean = digits.test.subset(rng.child("defender").order(digits.test.ids)[:3000])
        verdict = NeuralCleanse().scan(classifier, clean, rng=rng.child("scan"))
        p = float(verdict.p_value.nan_to_num(nan=1.0).min())
        paper = torch.nonzero(verdict.details["anomaly_index"] > 2).flatten().tolist()
        records.append({"seed": seed, "flagged": list(verdict.suspected), "p": p, "paper's rule": paper})
        print(json.dumps(records[-1]), flush=True)
    alarms, by_paper = (sum(bool(each[key]) for each in records) for key in ("flagged", "paper's rule"))
    return {"networks": len(records), "flagged": alarms, "flagged by the paper's rule": by_paper, "each": records}


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="one network of each kind; only `sequential` and a short `art`"
    )
    parser.add_argument("--only", choices=("sequential", "art", "growth", "controls"))
    parser.add_argument("--art", metavar="PYTHON", help="the Python of an environment with ART and tensorflow-cpu 2.15")
    parser.add_argument(
        "--seeds", type=int, nargs=2, default=(0, 20), metavar=("FIRST", "END"), help="seeds of `controls`"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"machine": machine()}
    if arguments.only in (None, "sequential"):
        result["sequential"] = sequential(range(1 if arguments.quick else 3))
    if arguments.art and arguments.only in (None, "art"):
        result["art"] = art(arguments.art, 2 if arguments.quick else 10)
    if arguments.only == "growth" or not (arguments.quick or arguments.only):
        result["growth"] = growth(range(1), (10, 43, 100))
    if arguments.only == "controls" or not (arguments.quick or arguments.only):
        first, last = arguments.seeds
        result["controls"] = controls(range(first, last))
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
