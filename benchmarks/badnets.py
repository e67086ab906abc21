"""Run the example `badnets_mnist` (BadNets on MNIST) with several seeds and print its figures.

    python -m benchmarks.badnets [--quick] [--json FILE]

Expected results: the accuracy drop is at most 1 point, the attack success rate is at least 99 % on the victim and at
most 1 % on the control. The store is not used.
"""

import argparse
import json
from importlib.resources import files
from pathlib import Path

from antivenom.runner import Experiment, load_spec
from benchmarks.machine import machine

FIGURES = (
    "model.clean_accuracy",
    "model.clean_accuracy.control",
    "model.accuracy_drop",
    "attack.success_rate",
    "attack.success_rate.control",
)


def main() -> None:
    """Run the example and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, one epoch, a perceptron")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    quick = ["repeats=1", "training.epochs=1", "model=mlp"] if options.quick else []
    experiment = load_spec(Path(str(files("antivenom.examples"))) / "badnets_mnist.yaml", overrides=quick)
    assert isinstance(experiment, Experiment)
    result = experiment.run()
    print(" · ".join(f"{name} {value}" for name, value in machine().items()))
    for name in FIGURES:
        entry = result.metrics[name]
        print(f"{name:<30} {entry['mean']:.4f}  95 %: {entry['low']} to {entry['high']}  n = {entry['n']}")
    for doubt in result.doubts:
        print(f"? {doubt}")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "metrics": result.metrics}, indent=2) + "\n")


if __name__ == "__main__":
    main()
