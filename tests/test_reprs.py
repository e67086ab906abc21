"""What users print is short: no tensors, at most ten lines."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from antivenom import Experiment, Rng, load_spec
from antivenom.analysis import AnalysisContext, AnalysisResult, similarity
from antivenom.attacks import BadNets
from antivenom.charts import Evidence, Figure, WithEvidence
from antivenom.data import Splits
from antivenom.defences import NeuralCleanse, Verdict
from antivenom.models import Checkpoint, as_classifier
from antivenom.models.mlp import MLP
from antivenom.repairs import Filtering
from antivenom.runner import Sweep
from antivenom.testing import toy_images
from antivenom.training import EndToEnd, Epoch

SPLITS = Splits(train=toy_images(120), test=toy_images(240, seed=1))


@pytest.fixture(scope="module")
def printed() -> dict[str, object]:
    made = Experiment(
        dataset=SPLITS,
        model=MLP(hidden=(8,)),
        attack=BadNets(target=1),
        training=EndToEnd(epochs=1),
        defences=(NeuralCleanse(steps=3),),
    )
    result = made.run(progress=False)
    victim, data = result.victim, SPLITS.test
    verdict = NeuralCleanse(steps=3).scan(victim, data, rng=Rng(0))
    context = AnalysisContext(victim, result.control, result.poisoned, data)
    return dict(_all(made, result, verdict, context))


def _all(made: Experiment, result: object, verdict: Verdict, context: AnalysisContext) -> Iterator[tuple[str, object]]:
    victim, data = context.victim, context.test
    yield from {"splits": SPLITS, "dataset": data, "experiment": made, "result": result, "verdict": verdict}.items()
    yield from {"victim": victim, "poisoned": context.poisoned, "context": context}.items()
    yield "goal", context.poisoned.goal
    yield "repeat", vars(result)["repeats"][0]
    yield "artifacts", vars(result)["repeats"][0].artifacts
    yield "triggers", verdict.triggers
    decided = replace(verdict, inconclusive=torch.zeros(4, dtype=torch.bool))
    yield "repaired", Filtering().repair(victim, data, rng=Rng(0), verdict=decided)
    yield "checkpoint", Checkpoint(3, victim)
    yield "epoch", Epoch(1, 2, 0.5, 1.0, victim)
    yield "figure", Figure(name="accuracy", value=0.5)
    yield "evidence", Evidence(charts=dict(vars(result)["charts"]))
    yield "with evidence", WithEvidence(torch.zeros(999))
    yield "analysis", AnalysisResult(data={"a": np.zeros(9999), "b": torch.zeros(9999)})
    yield "similarity", similarity(victim, context.control, data)
    network = nn.Sequential(nn.Flatten(), *[nn.Linear(36, 36) for _ in range(40)], nn.Linear(36, 4))
    yield "module", as_classifier(network, input_shape=(1, 6, 6))
    sweep = load_spec({"attack": "label_flip", "grid": {"attack.rate": [0.1 + 0.001 * step for step in range(99)]}})
    assert isinstance(sweep, Sweep)
    yield "sweep", sweep
    yield from {f"chart {key}": chart for key, chart in vars(result)["charts"].items()}.items()


def test_what_is_printed_is_short(printed: dict[str, object]) -> None:
    for name, each in printed.items():
        text = repr(each)
        assert text.count("\n") < 10, name
        assert len(text) < 1500, (name, text)
        assert "tensor(" not in text, name
        assert "array(" not in text, name
        assert not text.startswith("<"), name


def test_a_dataset_says_what_it_holds() -> None:
    assert repr(SPLITS.test) == "Dataset(240 rows (1, 6, 6) uint8, 4 classes, on cpu)"
