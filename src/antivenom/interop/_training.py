"""Training of a cleansed classifier with the optimizer and the loss of its user."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from antivenom.errors import SettingsError
from antivenom.interop._kinds import is_art_torch
from antivenom.models import ModuleClassifier
from antivenom.models.optimizers import Optimizer
from antivenom.rng import Rng
from antivenom.training.last_batch import check_batch_size, least_rows, pieces

NUMBERED_LOSSES = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)
"""Losses of class numbers (n)."""
BINARY_LOSSES = (nn.BCELoss, nn.BCEWithLogitsLoss)
"""Losses of one number per row (n, 1)."""


@dataclass(frozen=True, eq=False)
class OptimizerRecipe:
    """A torch optimizer without its parameters.

    Attributes:
        kind: its class.
        defaults: its settings.
        groups: for each group, the positions of its parameters among those of the model, and its own settings.
    """

    kind: type[torch.optim.Optimizer]
    defaults: dict[str, Any]
    groups: tuple[tuple[tuple[int, ...], dict[str, Any]], ...]

    @classmethod
    def of(cls, optimizer: torch.optim.Optimizer, module: nn.Module) -> "OptimizerRecipe":
        """Return the recipe of an optimizer of this module.

        Raises:
            SettingsError: it has parameters that the module does not have.
        """
        places = {id(parameter): place for place, parameter in enumerate(module.parameters())}
        if any(id(each) not in places for group in optimizer.param_groups for each in group["params"]):
            raise SettingsError(["The optimizer must have parameters of the model only. Make it from the model."])
        groups = tuple(
            (
                tuple(places[id(each)] for each in group["params"]),
                {name: value for name, value in group.items() if name != "params"},
            )
            for group in optimizer.param_groups
        )
        return cls(type(optimizer), dict(optimizer.defaults), groups)

    def build(self, module: nn.Module) -> torch.optim.Optimizer:
        """Return a new optimizer of the parameters of a module of the same architecture."""
        parameters = list(module.parameters())
        groups = [{"params": [parameters[each] for each in places], **own} for places, own in self.groups]
        return self.kind(groups, **self.defaults)


@dataclass(frozen=True, eq=False)
class UserTraining:
    """The optimizer and the loss of the user's model.

    Attributes:
        optimizer: the recipe of its optimizer; None for Adam with its defaults.
        loss: its loss of the module's outputs; None for the cross-entropy of the logits.
    """

    optimizer: OptimizerRecipe | None = None
    loss: nn.Module | None = None

    @classmethod
    def of(cls, wrapped: Any) -> "UserTraining":
        """Return those of ART's `PyTorchClassifier`, and the defaults for other models."""
        if not is_art_torch(wrapped):
            return cls()
        optimizer = wrapped.optimizer
        return cls(None if optimizer is None else OptimizerRecipe.of(optimizer, wrapped.model), wrapped.loss)

    def build(self, module: nn.Module) -> torch.optim.Optimizer:
        """Return a new optimizer of the parameters of a module."""
        if self.optimizer is None:
            return Optimizer().build(module.parameters())
        return self.optimizer.build(module)

    def value(self, network: ModuleClassifier, x: Tensor, y: Tensor) -> Tensor:
        """Return the differentiable loss of a batch of rows and class numbers (n)."""
        if self.loss is None:
            return functional.cross_entropy(network.logits(x), y)
        if isinstance(self.loss, NUMBERED_LOSSES):
            return torch.as_tensor(self.loss(network.forward(x), y))
        if isinstance(self.loss, BINARY_LOSSES):
            return torch.as_tensor(self.loss(network.forward(x), y[:, None].float()))
        one_hot = functional.one_hot(y, network.classes).float()
        return torch.as_tensor(self.loss(network.forward(x), one_hot))

    def fit(
        self,
        network: ModuleClassifier,
        optimizer: torch.optim.Optimizer,
        rows: tuple[Tensor, Tensor],
        batch_size: int,
        passes: int,
    ) -> None:
        """Train a network in place, on rows with their class numbers.

        A last mini-batch of one row joins the one before it, if the network cannot learn from one row alone.

        Raises:
            SettingsError, DataError: a mini-batch or all rows are too few for the network. It does not change.
        """
        x, y = rows
        network.module.train()
        try:
            least = least_rows(network, len(x), batch_size)
            check_batch_size(network, len(x), batch_size, least, by="fit")
            for number in range(passes):
                order = Rng(0).child("fit", number).order(torch.arange(len(x)))
                for batch in pieces(order, batch_size, least):
                    optimizer.zero_grad()
                    loss = self.value(network, x[batch].to(network.device), y[batch].to(network.device))
                    loss.backward()
                    optimizer.step()
        finally:
            network.module.eval()


def is_compiled_keras(network: ModuleClassifier) -> bool:
    """Return True for a Keras model that states its optimizer and its loss."""
    return bool(getattr(network.module, "compiled", False)) and hasattr(network.module, "optimizer")


def fit_keras(
    network: ModuleClassifier, rows: tuple[Tensor, Tensor], batch_size: int, passes: int, **settings: Any
) -> None:
    """Train a compiled Keras model in place with its `fit`, its optimizer and its loss."""
    model: Any = network.module
    x, y = rows
    loss = getattr(model.loss, "name", model.loss)
    name = getattr(loss, "__name__", str(loss)).lower()
    labels = np.eye(network.classes, dtype=np.float32)[y.numpy()]
    wanted = y.numpy() if name.startswith("sparse") else labels
    model.fit(network.normalised(x).numpy(), wanted, batch_size=batch_size, epochs=passes, verbose=0, **settings)
    model.eval()
