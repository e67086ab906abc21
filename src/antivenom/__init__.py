"""antivenom: what poisoned training data does to a model, whether it is poisoned, and how to repair it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from antivenom import waiting as _waiting

if TYPE_CHECKING:
    from antivenom.data.dataset import Dataset as Dataset
    from antivenom.data.dataset import Splits as Splits
    from antivenom.data.poisoned import Poisoned as Poisoned
    from antivenom.data.sources import load as load
    from antivenom.errors import AntivenomError as AntivenomError
    from antivenom.models.adapters import as_classifier as as_classifier
    from antivenom.models.classifier import Classifier as Classifier
    from antivenom.rng import Rng as Rng
    from antivenom.runner.experiment import Experiment as Experiment
    from antivenom.runner.experiment import load_spec as load_spec
    from antivenom.runner.results.result import Result as Result

_HOMES = {
    "AntivenomError": "antivenom.errors",
    "Classifier": "antivenom.models.classifier",
    "Dataset": "antivenom.data.dataset",
    "Experiment": "antivenom.runner.experiment",
    "Poisoned": "antivenom.data.poisoned",
    "Result": "antivenom.runner.results.result",
    "Rng": "antivenom.rng",
    "Splits": "antivenom.data.dataset",
    "as_classifier": "antivenom.models.adapters",
    "load": "antivenom.data.sources",
    "load_spec": "antivenom.runner.experiment",
}

_waiting.begin()  # before anything loads torch

__version__ = "0.2.0"
__all__ = [
    "AntivenomError",
    "Classifier",
    "Dataset",
    "Experiment",
    "Poisoned",
    "Result",
    "Rng",
    "Splits",
    "as_classifier",
    "load",
    "load_spec",
]


def __getattr__(name: str) -> Any:
    """Names are imported when they are first used, so that `antivenom list` need not load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'antivenom' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
