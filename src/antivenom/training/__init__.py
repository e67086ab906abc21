"""Training settings, one per file. All of them share one training loop."""

from antivenom.registry import lazily
from antivenom.training.contracts import (
    Callback,
    CheckpointedTraining,
    Epoch,
    ModelCheckingTraining,
    PretrainedTraining,
    StreamTraining,
    Training,
    WrappingTraining,
    checkpoints_of,
    divided,
    model_problems,
    pretrained_by,
    pretrained_model,
    single_pass,
    wrapped,
)

__all__ = [
    "Callback",
    "CheckpointedTraining",
    "Epoch",
    "ModelCheckingTraining",
    "PretrainedTraining",
    "StreamTraining",
    "Training",
    "WrappingTraining",
    "checkpoints_of",
    "divided",
    "model_problems",
    "pretrained_by",
    "pretrained_model",
    "single_pass",
    "wrapped",
]

__getattr__, __dir__ = lazily("trainings")
