"""Measure the time to craft a poison, and its strength, with the methods of the paper and with the exact gradient.

    python -m benchmarks.poison_crafting [--quick] [--json FILE] [--no-cifar10]

In the setting of Yang, Wu, Li and Chen (2017), a victim takes one step on a poison. The attacker wants a higher loss on
10 normal rows after this step. All methods use the same victims on MNIST and CIFAR-10 (in $ANTIVENOM_DATA), the same
normal rows and the same bases. Their seeds were fixed before any result was seen. The methods are timed alternately in
one process. A time is the median over rounds, in seconds for one poison and one round.

`plain` is the finite difference of the paper: for each pixel, one probe of 0.01 through one step of the victim. It is
written with tensors and autograd only, without modules, copies or a loop over normal rows. `vectorised` puts all probes
of a poison into one batch and uses antivenom's fast step of the victim; `by_torch_func` does the same with `vmap`.
`exact` is the gradient through the step.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional

from antivenom import Rng, load
from antivenom.attacks import GenerativePoison, GradientPoison
from antivenom.attacks.one_step import Functional, finite_differences, objective_for
from antivenom.attacks.victim_step import VictimStep, accuracy_after_step, frozen_copy
from antivenom.data import Dataset
from antivenom.metrics import accuracy
from antivenom.models import ModuleClassifier, is_module
from antivenom.models.cnn import CNN
from antivenom.models.mlp import MLP
from antivenom.training.end_to_end import EndToEnd
from benchmarks.machine import machine

STEP = VictimStep(learning_rate=0.05, bias_rate_factor=2.0)
CIFAR_STEP = VictimStep(learning_rate=0.01, bias_rate_factor=2.0)
SEED = 20
DRAWS = (30, 31, 32, 33, 34)
BATCH = 256
PROBE = 0.01


def mnist() -> tuple[ModuleClassifier, Dataset, Dataset]:
    """Return the paper's MNIST victim, the training rows and the test rows."""
    data = load("mnist")
    return _victim(MLP(hidden=(64,)), EndToEnd(epochs=5), data.train), data.train, data.test


def cifar10(rows: int) -> tuple[ModuleClassifier, Dataset, Dataset]:
    """Return the paper's CIFAR-10 victim, its first `rows` training rows and 2,000 test rows."""
    data = load("cifar10")
    train = data.train.subset(torch.arange(rows))
    model = CNN(filters=(20, 50), filter_shape=5, padding="valid", hidden=(500,), activation="tanh")
    return _victim(model, EndToEnd(epochs=4), train), train, data.test.subset(torch.arange(2000))


def _victim(model: MLP | CNN, training: EndToEnd, train: Dataset) -> ModuleClassifier:
    blank = model.build(input_shape=train.shape, classes=10, bounds=train.bounds, rng=Rng(SEED))
    trained = training.fit(blank, train, rng=Rng(SEED).child("fit"))
    assert is_module(trained)
    return trained


def plain_probes(victim: ModuleClassifier, step: VictimStep, normal: Tensor, labels: Tensor) -> Callable[..., Tensor]:
    """Return a function for the paper's gradient of one poison: one probe at a time, with tensors only."""
    weights = [weight.detach().clone().requires_grad_() for weight in victim.module.parameters()]
    rates = [step.rate(name) for name, _ in victim.module.named_parameters()]

    def forward(parameters: list[Tensor], x: Tensor) -> Tensor:
        if len(parameters) == 4:
            return functional.linear(
                functional.linear(x.flatten(1), parameters[0], parameters[1]).relu(), parameters[2], parameters[3]
            )
        for number in (0, 2):
            x = functional.max_pool2d(functional.conv2d(x, parameters[number], parameters[number + 1]).tanh(), 2)
        return functional.linear(
            functional.linear(x.flatten(1), parameters[4], parameters[5]).tanh(), parameters[6], parameters[7]
        )

    def value(x: Tensor, y: Tensor) -> Tensor:
        slopes = torch.autograd.grad(functional.cross_entropy(forward(weights, x), y), weights)
        with torch.no_grad():
            after = [w.sub(g, alpha=rate) for w, g, rate in zip(weights, slopes, rates, strict=True)]
            return functional.cross_entropy(forward(after, normal), labels, reduction="sum")

    def gradient(x: Tensor, y: Tensor) -> Tensor:
        start, probe, slopes = value(x, y), x.clone(), torch.empty(x.numel())
        flat = probe.view(-1)
        for pixel in range(len(flat)):
            flat[pixel] += PROBE
            slopes[pixel] = value(probe, y) - start
            flat[pixel] -= PROBE
        return slopes.view_as(x)

    return gradient


def speed(
    victim: ModuleClassifier, train: Dataset, step: VictimStep, *, bases: int, rounds: int, probes: bool = True
) -> dict[str, Any]:
    """Return the seconds for one poison and one round, for each method."""
    order = Rng(SEED).child("speed").order(train.ids)
    normal, labels = train.inputs(order[:10]), train.y[order[:10]]
    x, y = train.inputs(order[10 : 10 + 2 * BATCH]), (train.y[order[10 : 10 + 2 * BATCH]] + 1) % 10
    quick = objective_for(victim, step, normal, labels, attack="benchmark")
    general = Functional(frozen_copy(victim, "benchmark"), step, normal, labels)
    plain = plain_probes(victim, step, normal, labels)

    def one_by_one(method: Any, count: int) -> None:
        for row in range(count):
            method(x[row : row + 1], y[row : row + 1])

    few = 64 if len(x[0].flatten()) < 1000 else 4
    methods: dict[str, tuple[Callable[[], object], int]] = {
        "plain_finite_difference": (lambda: one_by_one(plain, bases), bases),
        "vectorised_finite_difference": (
            lambda: finite_differences(quick.values, x[:bases], y[:bases], probe=PROBE),
            bases,
        ),
        "exact_one_at_a_time": (lambda: one_by_one(quick.gradients, few), few),
        "exact_in_batches": (lambda: quick.gradients(x, y), len(x)),
        "exact_by_torch_func_in_batches": (lambda: general.gradients(x[:few], y[:few]), few),
    }
    if probes and len(x[0].flatten()) < 1000:
        methods["finite_difference_by_torch_func"] = (
            lambda: finite_differences(general.values, x[:1], y[:1], probe=PROBE),
            1,
        )
    times: dict[str, list[float]] = {name: [] for name in methods}
    quick.gradients(x[:BATCH], y[:BATCH])  # warm-up: the first call is slower, for every method
    general.gradients(x[:few], y[:few])
    one_by_one(quick.gradients, 1)
    for _ in range(rounds):
        for name, (method, count) in methods.items():
            began = time.perf_counter()
            method()
            times[name].append((time.perf_counter() - began) / count)
    seconds = {name: statistics.median(each) for name, each in times.items()}
    return {
        "seconds": seconds,
        "rounds_timed": rounds,
        "batched_ratio": seconds["plain_finite_difference"] / seconds["exact_in_batches"],
        "vectorised_ratio": seconds["vectorised_finite_difference"] / seconds["exact_in_batches"],
        "one_at_a_time_ratio": seconds["plain_finite_difference"] / seconds["exact_one_at_a_time"],
        **generative_speed(victim, train, step),
    }


def generative_speed(victim: ModuleClassifier, train: Dataset, step: VictimStep) -> dict[str, float]:
    """Return the seconds of the generator for one poison and one round: with its training, and after it."""
    seconds = {}
    for feedback, size in (("sign", 1), ("gradient", 64)):
        attack = GenerativePoison(
            count=64,
            feedback=feedback,
            batch_size=size,
            victim_learning_rate=step.learning_rate,
        )
        began = time.perf_counter()
        generator, _ = attack.train_generator(train, rng=Rng(SEED), surrogate=victim)
        seconds[f"generative_{feedback}_with_training"] = (time.perf_counter() - began) / (64 * attack.rounds)
        rows = train.inputs(torch.arange(2048))
        began = time.perf_counter()
        generator.poison(rows)
        seconds[f"generative_{feedback}_once_trained"] = (time.perf_counter() - began) / len(rows)
    return seconds


def strength(
    victim: ModuleClassifier, train: Dataset, test: Dataset, step: VictimStep, *, draws: int, direct: bool
) -> dict[str, Any]:
    """Return the accuracy after one step on poison of each attack, and paired differences.

    Each draw has its own 20 bases and 10 normal rows, because the strength depends on the normal rows.
    """
    shared: dict[str, Any] = {"count": 20, "victim_learning_rate": step.learning_rate}
    best = "exact, 20 rounds of 0.1"
    attacks: dict[str, Any] = {
        "flip alone": GradientPoison(rounds=0, **shared),
        "exact, 5 rounds of 0.2": GradientPoison(rounds=5, step_size=0.2, **shared),
        best: GradientPoison(**shared),
        "exact, 60 rounds of 0.05, decaying": GradientPoison(rounds=60, step_size=0.05, decay=True, **shared),
        "generative, the paper's feedback": GenerativePoison(feedback="sign", batch_size=1, **shared),
        "generative, exact feedback": GenerativePoison(batch_size=1, **shared),
    }
    if direct:
        attacks["direct, 5 rounds of 0.2"] = GradientPoison(
            gradient="finite_difference", rounds=5, step_size=0.2, **shared
        )
    parts_by_arm: dict[str, list[Tensor]] = {}
    for draw in DRAWS[:draws]:
        rng = Rng(draw).child("strength")
        for name, attack in attacks.items():
            poisoned = attack.poison(train, rng=rng, surrogate=victim)
            arms = {name: (train.decode(poisoned.x), poisoned.y)}
            if name == "flip alone":
                arms["true label"] = (train.inputs(poisoned.rows), train.y[poisoned.rows])
            for arm, (x, y) in arms.items():
                parts_by_arm.setdefault(arm, []).append(accuracy_after_step(victim, step, x, y, test))
    accuracies = {name: torch.cat(parts) for name, parts in parts_by_arm.items()}
    return {
        "bases": 20 * draws,
        "accuracy": {name: interval(values) for name, values in accuracies.items()},
        f"{best}, less": {
            name: interval(accuracies[best] - values) for name, values in accuracies.items() if name != best
        },
    }


def interval(values: Tensor) -> dict[str, float]:
    """Return the mean and the 95 % interval (Student's t)."""
    half = float(stats.t.ppf(0.975, len(values) - 1)) * float(values.std()) / math.sqrt(len(values))
    mean = float(values.mean())
    return {"mean": mean, "low": mean - half, "high": mean + half}


def agreement(victim: ModuleClassifier, train: Dataset, step: VictimStep, *, bases: int) -> dict[str, Any]:
    """Compare the signs of the exact gradient with those of the probe and of central differences in float64."""
    order = Rng(SEED).child("agreement").order(train.ids)
    normal, labels = train.inputs(order[:10]), train.y[order[:10]]
    x, y = train.inputs(order[10 : 10 + bases]), (train.y[order[10 : 10 + bases]] + 1) % 10
    objective = objective_for(victim, step, normal, labels, attack="benchmark")
    exact = objective.gradients(x, y)[1].flatten(1)
    probed = finite_differences(objective.values, x, y, probe=PROBE).flatten(1)
    shares = (exact.sign() == probed.sign()).double().mean(1)
    quantiles = torch.tensor([0, 0.05, 0.25, 0.5, 0.75, 1], dtype=torch.float64)
    double = victim.copy()
    double.module.double()
    precise = objective_for(double, step, normal.double(), labels, attack="benchmark")
    few, h = min(5, bases), 1e-6
    slopes = precise.gradients(x[:few].double(), y[:few])[1].flatten(1)
    forward = finite_differences(precise.values, x[:few].double(), y[:few], probe=h).flatten(1)
    backward = finite_differences(precise.values, x[:few].double(), y[:few], probe=-h).flatten(1)
    off = (forward - backward).abs() <= 1e-3 * (
        forward.abs() + backward.abs()
    ) + 1e-6  # equal on both sides: not at a kink
    central = (forward + backward) / 2
    return {
        "bases": bases,
        "median": float(shares.median()),
        "quantiles": dict(zip(("0", "5", "25", "50", "75", "100"), shares.quantile(quantiles).tolist(), strict=True)),
        "central_differences_float64": float((slopes.sign() == central.sign())[off].double().mean()),
        "pixels_off_kinks": float(off.double().mean()),
    }


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer bases, no CIFAR-10")
    parser.add_argument("--no-cifar10", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    victim, train, test = mnist()
    bases = 20 if arguments.quick else 50
    result: dict[str, Any] = {
        "machine": machine(),
        "mnist": {
            "victim_accuracy": accuracy(victim, test),
            **speed(victim, train, STEP, bases=2, rounds=3 if arguments.quick else 9),
            "strength": strength(victim, train, test, STEP, draws=1 if arguments.quick else 5, direct=True),
            "agreement": agreement(victim, train, STEP, bases=bases),
        },
    }
    result["batched_ratio"] = result["mnist"]["batched_ratio"]
    result["vectorised_ratio"] = result["mnist"]["vectorised_ratio"]
    print(json.dumps(result, indent=2))
    if not (arguments.quick or arguments.no_cifar10):
        victim, train, test = cifar10(20_000)
        result["cifar10"] = {
            "victim_accuracy": accuracy(victim, test),
            **speed(victim, train, CIFAR_STEP, bases=2, rounds=1),
            "strength": strength(victim, train, test, CIFAR_STEP, draws=1, direct=False),
            "strength_at_0.001": strength(victim, train, test, VictimStep(0.001, 2.0), draws=1, direct=False),
        }
        print(json.dumps(result["cifar10"], indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
