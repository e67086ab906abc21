"""bezoar: what poisoned training data does to a model, whether it is poisoned, and how to repair it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bezoar.data.dataset import Dataset as Dataset
    from bezoar.data.dataset import Splits as Splits
    from bezoar.data.poisoned import Poisoned as Poisoned
    from bezoar.data.sources import load as load
    from bezoar.errors import BezoarError as BezoarError
    from bezoar.experiment.experiment import Experiment as Experiment
    from bezoar.experiment.result import Result as Result
    from bezoar.experiment.spec import load_spec as load_spec
    from bezoar.models.classifier import Classifier as Classifier
    from bezoar.models.classifier import as_classifier as as_classifier
    from bezoar.rng import Rng as Rng

_HOMES = {
    "BezoarError": "bezoar.errors",
    "Classifier": "bezoar.models.classifier",
    "Dataset": "bezoar.data.dataset",
    "Experiment": "bezoar.experiment.experiment",
    "Poisoned": "bezoar.data.poisoned",
    "Result": "bezoar.experiment.result",
    "Rng": "bezoar.rng",
    "Splits": "bezoar.data.dataset",
    "as_classifier": "bezoar.models.classifier",
    "load": "bezoar.data.sources",
    "load_spec": "bezoar.experiment.spec",
}

__version__ = "0.1.0"
__all__ = [
    "BezoarError",
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
    """Names are imported when they are first used, so that `bezoar list` need not load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bezoar' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
