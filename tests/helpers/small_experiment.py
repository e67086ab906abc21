"""A small experiment on toys, which takes a fraction of a second; and a spec on digits."""

from typing import Any

from antivenom.attacks import BadNets
from antivenom.data import Splits
from antivenom.models import MLP
from antivenom.runner import Experiment
from antivenom.testing import toy_images
from antivenom.training import EndToEnd

SPLITS = Splits(train=toy_images(120, seed=0), test=toy_images(40, seed=1))
DIGITS = {
    "dataset": {"name": "digits"},
    "model": {"name": "mlp", "hidden": [8]},
    "training": {"name": "end_to_end", "epochs": 1},
}


def experiment(**changes: Any) -> Experiment:
    """The experiment, with other settings in place of its own."""
    usual = {"dataset": SPLITS, "model": MLP(hidden=(8,)), "attack": BadNets(target=1), "training": EndToEnd(epochs=2)}
    return Experiment(**{**usual, **changes})
