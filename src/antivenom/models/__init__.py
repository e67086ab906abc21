"""Models: the classifier's protocol, adapters for everybody's models, and reference networks."""

from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.classifier import Checkpoint, Classifier, Model, WeightedModel, as_classifier
from antivenom.models.filtered import Filtered, Gate
from antivenom.models.predict import predictions, row_losses
from antivenom.models.require import as_module, is_module, require
from antivenom.registry import lazily

__all__ = [
    "Checkpoint",
    "Classifier",
    "Filtered",
    "Gate",
    "Model",
    "ModuleClassifier",
    "WeightedModel",
    "as_classifier",
    "as_module",
    "is_module",
    "predictions",
    "require",
    "row_losses",
]

__getattr__, __dir__ = lazily("models")
