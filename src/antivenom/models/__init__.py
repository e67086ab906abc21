"""Models: the classifier's protocol, adapters for everybody's models, and reference networks.

Adapters are imported when they are first used: who asks for a type alone does not depend on them (decision 3).
"""

from typing import TYPE_CHECKING

from antivenom.models.classifier import Checkpoint, Classifier, Model
from antivenom.models.predict import predictions, row_losses
from antivenom.registry import lazily

if TYPE_CHECKING:
    from antivenom.models.adapters import as_classifier as as_classifier

_HOMES = {"as_classifier": "antivenom.models.adapters"}

__all__ = ["Checkpoint", "Classifier", "Model", "as_classifier", "predictions", "row_losses"]

__getattr__, __dir__ = lazily("models", _HOMES)
