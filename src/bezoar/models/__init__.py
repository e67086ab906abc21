"""Models: the classifier's protocol, adapters for everybody's models, and reference networks."""

from bezoar.models.classifier import Checkpoint, Classifier, Model, as_classifier
from bezoar.models.predict import predictions, row_losses
from bezoar.registry import lazily

__all__ = ["Checkpoint", "Classifier", "Model", "as_classifier", "predictions", "row_losses"]

__getattr__, __dir__ = lazily("models")
