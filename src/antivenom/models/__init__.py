"""Models: the protocol of classifiers, adapters for your own models, and reference networks.

Adapters are imported on first use, so that an import of a type alone does not depend on them (decision 3).
"""

from typing import TYPE_CHECKING

from antivenom.models.batches import input_batches
from antivenom.models.certified import Certificates, Certified, Threat
from antivenom.models.classifier import Checkpoint, Classifier, Model, WeightedModel
from antivenom.models.filtered import Filtered, Gate
from antivenom.models.predict import predictions, row_losses
from antivenom.models.require import require
from antivenom.registry import lazily
from antivenom.settings.scored_range import any_range

if TYPE_CHECKING:
    from antivenom.models._estimator_classifier import EstimatorClassifier as EstimatorClassifier
    from antivenom.models._module_classifier import ModuleClassifier as ModuleClassifier
    from antivenom.models.adapters import as_classifier as as_classifier
    from antivenom.models.torch_modules import as_module as as_module
    from antivenom.models.torch_modules import as_trainable as as_trainable
    from antivenom.models.torch_modules import is_module as is_module

_HOMES = {
    "EstimatorClassifier": "antivenom.models._estimator_classifier",
    "ModuleClassifier": "antivenom.models._module_classifier",
    "as_classifier": "antivenom.models.adapters",
    "as_module": "antivenom.models.torch_modules",
    "as_trainable": "antivenom.models.torch_modules",
    "is_module": "antivenom.models.torch_modules",
}

__all__ = [
    "Certificates",
    "Certified",
    "Checkpoint",
    "Classifier",
    "EstimatorClassifier",
    "Filtered",
    "Gate",
    "Model",
    "ModuleClassifier",
    "Threat",
    "WeightedModel",
    "any_range",
    "as_classifier",
    "as_module",
    "as_trainable",
    "input_batches",
    "is_module",
    "predictions",
    "require",
    "row_losses",
]

__getattr__, __dir__ = lazily("models", _HOMES)
