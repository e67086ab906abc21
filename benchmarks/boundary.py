"""Count the calls of `partial_fit` after which five poison points flip a prediction, for several placements.

    python -m benchmarks.boundary [--quick] [--json FILE]

The data is that of `antivenom boundary`. The targets are the points of a grid of step 0.75 that are not close to the
boundary (a margin of at least 0.1). The poison has the label of the other class. The four placements: aimed points
(`AimedChaff` with its defaults); all five points at the target; the five points of the example, if they have the right
label; and the best of random placements, as many as the search of `AimedChaff` tries. A target that does not flip
within 40 calls counts as 41.
"""

import argparse
import json
import statistics
from pathlib import Path

import torch

from antivenom.analysis import Square, flipped, margin
from antivenom.attacks import AimedChaff, Chaff
from antivenom.attacks.aimed_chaff import calls_until_flip
from antivenom.data.sources import Plane
from antivenom.models import Classifier, Estimator
from antivenom.rng import Rng
from antivenom.training import OwnFit
from benchmarks.machine import machine

LIMIT = 40
MODELS = {
    "MLPClassifier": Estimator(class_name="MLPClassifier", settings={"max_iter": 600}, random_state=123),
    "logistic regression": Estimator(class_name="SGDClassifier", settings={"loss": "log_loss"}, random_state=123),
}


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="four targets of one estimator")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    train = Plane().load().train
    about = machine()
    print(about)
    results: dict[str, list[dict[str, float]]] = {}
    for name, model in list(MODELS.items())[: 1 if arguments.quick else None]:
        fitted = OwnFit().fit(model.build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)), train, rng=Rng(0))
        ticks = [-2.25 + 0.75 * number for number in range(7)]
        grid = [(x, y) for x in ticks for y in ticks]
        margins = margin(fitted, torch.tensor(grid))
        clear = [at for at, value in zip(grid, margins, strict=True) if abs(value) >= 0.1]
        targets = clear[:: len(clear) // 4][:4] if arguments.quick else clear
        results[name] = [one_target(fitted, at, number) for number, at in enumerate(targets)]
        report(name, results[name])
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": about, "targets": results}, indent=2))


def one_target(fitted: Classifier, at: tuple[float, float], number: int) -> dict[str, float]:
    """Return, for each placement, the calls until one target flips, and the flipped area after 15 calls."""
    train, attack = Plane().load().train, AimedChaff(at=at)
    poisoned = attack.poison(train, rng=Rng(number), surrogate=fitted)
    label = poisoned.y
    draws = Rng(number).child("random").numpy().uniform(-3, 3, (attack.evaluations, attack.count, 2))
    target = torch.tensor([at])
    costs = [calls_until_flip(fitted, target, points, label, attack.calls) for points in draws]
    lesson = torch.tensor(Chaff().points)
    placements = {
        "aimed": poisoned.x,
        "at the target": target.repeat(5, 1),
        "best of random": torch.from_numpy(draws[costs.index(min(costs))]).float(),
    }
    if int(label[0]) == 1:
        placements["the lesson's"] = lesson
    record: dict[str, float] = {"x": at[0], "y": at[1]}
    for name, points in placements.items():
        learner, turned = fitted.copy(), LIMIT + 1
        for call in range(1, LIMIT + 1):
            learner.learn(points, label)
            if int(learner.scores(target).argmax(1)) == int(label[0]):
                turned = call
                break
        record[name] = turned
    for name in ("aimed", "the lesson's"):
        if name in placements:
            learner = fitted.copy()
            for _ in range(15):
                learner.learn(placements[name], label)
            square = Square(step=0.05).points
            record[f"area, {name}"] = sum(flipped(margin(fitted, square), margin(learner, square)))
    return record


def report(name: str, targets: list[dict[str, float]]) -> None:
    """Print means over the targets, and how often aimed points need fewer, as many or more calls than the others."""
    print(f"{name}, n = {len(targets)} targets; calls until the prediction flips (41: not within 40)")
    for other in ("aimed", "at the target", "best of random", "the lesson's"):
        pairs = [(each["aimed"], each[other]) for each in targets if other in each]
        if pairs:
            quicker, even = sum(a < b for a, b in pairs), sum(a == b for a, b in pairs)
            ours, theirs = (statistics.mean(side) for side in zip(*pairs, strict=True))
            print(
                f"  {other:15} mean {theirs:5.1f} (aimed on the same {len(pairs)}: {ours:5.1f}); "
                f"aimed quicker {quicker}, even {even}, slower {len(pairs) - quicker - even}"
            )
    pairs = [(each["area, aimed"], each["area, the lesson's"]) for each in targets if "area, the lesson's" in each]
    if pairs:
        means = [100 * statistics.mean(side) for side in zip(*pairs, strict=True)]
        print(f"  area that changed its class after 15 calls: aimed {means[0]:.1f} %, the lesson's {means[1]:.1f} %")


if __name__ == "__main__":
    main()
