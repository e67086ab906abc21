"""Victims and controls that diverged: nothing of them counts as a success, and the doubts say so."""

from typing import Any

import pytest
import torch

from antivenom import load
from antivenom.goals import SingleInput
from antivenom.models import MLP
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import load_spec

SPEC: dict[str, Any] = {
    "model": {"name": "mlp", "hidden": [8]},
    "training": {"name": "end_to_end", "epochs": 1, "learning_rate": 1e30},
}


@pytest.mark.parametrize(
    "attack",
    [
        {"name": "badnets", "rate": 0.1, "target": 0},
        {"name": "badnets", "rate": 0.1, "target": 0, "source": 3},
        {"name": "label_flip", "rate": 0.1, "pairs": [[3, 0]]},
    ],
    ids=["backdoor", "backdoor of one class", "label flip"],
)
def test_a_diverged_victim_has_no_success(attack: dict[str, Any], tmp_path: Any) -> None:
    more = {"defences": [{"name": "neural_cleanse", "steps": 3}, "nearest_neighbours"], "repairs": ["unlearning"]}
    made: Any = load_spec({**SPEC, **more, "attack": attack})
    result = made.run(out=tmp_path / "run")
    mean = {name: entry["mean"] for name, entry in result.metrics.items()}
    assert mean["attack.success_rate"] in (0, None)
    assert mean["attack.success_rate.control"] in (0, None)
    assert mean["model.clean_accuracy"] == 0
    assert mean["model.not_finite"] == 1
    assert any("The victim's scores are not finite for 100.0 % of the test rows" in each for each in result.doubts)
    assert any("No defence was run: the scores of the victim and control" in each for each in result.doubts)
    assert write_report(tmp_path / "run").is_file()


def test_a_single_input_is_no_success_of_a_diverged_model() -> None:
    test = load("digits").test
    net = MLP(hidden=(8,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0.0, 1.0), rng=Rng(0))
    broken = net.with_state({name: torch.full_like(value, torch.nan) for name, value in net.state().items()})
    for target in range(3):
        assert SingleInput(row=(0.5,) * 64, target=target).success(broken, test) == 0
