"""Models: the classifier's protocol, adapters for everybody's models, and reference networks."""

from antivenom.models.classifier import Checkpoint, Classifier, Model, as_classifier
from antivenom.models.predict import predictions, row_losses
from antivenom.registry import lazily

__all__ = ["Checkpoint", "Classifier", "Model", "as_classifier", "predictions", "row_losses"]

__getattr__, __dir__ = lazily("models")
