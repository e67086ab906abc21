"""BadNets on MNIST, several seeds: what the shipped example `badnets_mnist` promises.

    python -m benchmarks.badnets [--quick] [--json FILE]

Promised: clean accuracy within 1 point of the control's, attack success at least 99 %, and at most 1 % on the control.
The control is what doing nothing scores. Nothing is read from a store.
"""

import argparse
import json
from importlib.resources import files
from pathlib import Path

from antivenom.runner import Experiment, load_spec
from benchmarks.machine import machine

FIGURES = ("clean_accuracy", "control_accuracy", "accuracy_drop", "attack_success_rate", "control_attack_success_rate")


def main() -> None:
    """Run the example and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, one epoch, a perceptron")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
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
