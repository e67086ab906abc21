"""Training settings: one a file, found by its name; all of them share the one loop."""

from antivenom.registry import lazily
from antivenom.training.loop import Epoch, Training, Watch

__all__ = ["Epoch", "Training", "Watch"]

__getattr__, __dir__ = lazily("trainings")
