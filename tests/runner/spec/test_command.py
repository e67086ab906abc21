"""The command that runs one cell of a sweep alone: the shell gives the settings back, whatever they contain."""

import shlex
from typing import Any

import pytest

from antivenom.runner import Experiment, Sweep, load_spec
from antivenom.runner.spec.command import command_for

SPEC: dict[str, Any] = {"attack": {"name": "badnets", "target": 7}, "train_rows": 100}


def settings_of(command: str) -> list[str]:
    words = shlex.split(command)
    assert words[:3] == ["antivenom", "run", "spec.yaml"]
    assert words[-2:] == ["--out", "again"]
    assert words[3:-2:2] == ["--set"] * (len(words[3:-2]) // 2)
    return words[4:-2:2]


@pytest.mark.parametrize(
    "sections",
    [
        {"grid": {"attack.rate": [0.05, 1e-3], "attack": [{"name": "badnets", "target": 3}, "label_flip"]}},
        {"zip": {"seed": [1, 2], "model": ["mlp", {"name": "cnn", "filters": [4, 8]}]}},
        {"include": [{"name": 'it\'s $HOME; `ls` "x"', "seed": 3}, {"train_rows": None, "attack.rate": 0.2}]},
        {
            "grid": {"defences": [[], ["loss_monitor", {"name": "neural_cleanse"}]], "name": ["a\nb", "1e-3", "ü 😀"]},
            "include": [{"training": {"name": "end_to_end", "epochs": 2}, "training.learning_rate": 5e-05}],
            "exclude": [{"name": "ü 😀"}],
        },
    ],
)
def test_the_settings_of_the_command_are_those_of_the_cell(sections: Any) -> None:
    spec = {**SPEC, **sections}
    sweep = load_spec(spec)
    assert isinstance(sweep, Sweep)
    for name, axes in sweep.axes.items():
        command = command_for(sweep.grid.spec, axes, out="again")
        assert "\n" not in command
        alone = load_spec(sweep.grid.spec, overrides=settings_of(command))
        assert isinstance(alone, Experiment)
        assert alone == sweep.cells[name]
