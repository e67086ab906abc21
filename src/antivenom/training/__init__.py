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
    checkpoints_of,
    model_problems,
    pretrained_by,
    single_pass,
)

__all__ = [
    "Callback",
    "CheckpointedTraining",
    "Epoch",
    "ModelCheckingTraining",
    "PretrainedTraining",
    "StreamTraining",
    "Training",
    "checkpoints_of",
    "model_problems",
    "pretrained_by",
    "single_pass",
]

__getattr__, __dir__ = lazily("trainings")
