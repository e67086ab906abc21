"""Measure the time of CKA, probes and drift on every layer, and compare the probes with scikit-learn's.

    python -m benchmarks.features [--quick] [--json FILE]

The networks are a backdoored CNN 16-32-128-10 on MNIST (in $ANTIVENOM_DATA) and its control. All 10,000 test rows are
used. Measured are linear CKA of every layer with every layer, a probe on every layer of both networks, and the drift of
both: first one after the other, then as in an experiment, in one pass of the rows through each network. The probes of
scikit-learn are `LogisticRegression` on the same features of one network and the same 5,000 rows.
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from sklearn.linear_model import LogisticRegression

from antivenom import Rng, load
from antivenom.analysis import (
    AnalysisContext,
    Drift,
    Probes,
    Similarity,
    analyse,
    drift,
    probe_layers,
    similarity,
    studied_layers,
)
from antivenom.analysis.layers import in_batches, narrowed
from antivenom.analysis.probes import WIDTH
from antivenom.attacks import BadNets
from antivenom.goals import Backdoor
from antivenom.models.cnn import CNN
from antivenom.training.end_to_end import EndToEnd
from benchmarks.machine import machine


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2,000 test rows, no scikit-learn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    data = load("mnist")
    train = data.train.subset(torch.arange(12_000))
    test = data.test.subset(torch.arange(2000)) if arguments.quick else data.test
    poisoned = BadNets(rate=0.05, target=7).poison(train, rng=Rng(0))
    assert isinstance(poisoned.goal, Backdoor)
    blank = CNN().build(input_shape=train.shape, classes=10, bounds=train.bounds, rng=Rng(0))
    victim, control = (EndToEnd(epochs=2).fit(blank, rows, rng=Rng(1)) for rows in (poisoned.data, train))
    attacked = poisoned.goal.triggered(poisoned.goal.attacked(test))
    target = torch.full_like(attacked.y, 7)
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    layer_similarity = similarity(victim, control, test)
    seconds["similarity"] = time.perf_counter() - began
    began = time.perf_counter()
    probes = {who: probe_layers(one, test, rng=Rng(2)) for who, one in (("victim", victim), ("control", control))}
    seconds["probes of both"] = time.perf_counter() - began
    began = time.perf_counter()
    drifts = {who: drift(one, test, attacked, target) for who, one in (("victim", victim), ("control", control))}
    seconds["drift of both"] = time.perf_counter() - began
    seconds["one after the other"] = sum(seconds.values())
    began = time.perf_counter()
    analyses = {"similarity": Similarity(), "probes": Probes(), "drift": Drift()}
    together, _ = analyse(analyses, AnalysisContext(victim, control, poisoned, test), Rng(2))
    seconds["all in one pass"] = time.perf_counter() - began
    for name, value in layer_similarity.same.items():
        assert abs((together.figures[f"analysis.similarity.cka.{name}"].value or 0) - value) < 1e-5, name
    result: dict[str, Any] = {
        "machine": machine(),
        "rows": len(test),
        "layers": studied_layers(victim),
        "seconds": seconds,
        "similarity": layer_similarity.same,
        "probes": probes,
        "shift": {who: dict(zip(each.layers, each.shift.tolist(), strict=True)) for who, each in drifts.items()},
    }
    if not arguments.quick:
        result["scikit_learn"] = scikit_learn(victim, test, probes["victim"])
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def scikit_learn(classifier: Any, test: Any, probes: dict[str, float]) -> dict[str, Any]:
    """Fit the same probes with scikit-learn. Return the seconds and the difference of accuracy for each layer."""
    names = studied_layers(classifier)
    parts = [
        {name: narrowed(activations[name], WIDTH) for name in names}
        for _, activations in in_batches(classifier, test, names, 1024)
    ]
    order = Rng(2).order(test.ids)
    fitted, measured = order[: len(order) // 2], order[len(order) // 2 :]
    began, differences = time.perf_counter(), {}
    for name in names:
        x = torch.cat([part[name] for part in parts])
        mean, scale = x[fitted].mean(0), x[fitted].std(0, correction=0).clamp_min(1e-6)
        rows = ((x - mean) / scale).numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            probe = LogisticRegression(max_iter=1000).fit(rows[fitted], test.y[fitted].numpy())
        differences[name] = probe.score(rows[measured], test.y[measured].numpy()) - probes[name]
    return {"seconds": time.perf_counter() - began, "accuracy_less_antivenoms": differences}


if __name__ == "__main__":
    main()
