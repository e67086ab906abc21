"""The classifier's protocol, and the door through which users' models enter."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from antivenom.errors import SettingsError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.keras import KerasClassifier, is_keras
from antivenom.rng import Rng
from antivenom.shapes import Features, Inputs, Labels, Scores


@runtime_checkable
class Classifier(Protocol):
    """A trained or untrained classifier: everything that antivenom asks of a model.

    `can` says which of the methods work, of {"gradients", "features", "incremental", "probabilities"}.
    """

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def classes(self) -> int:
        """How many classes it knows."""

    @property
    def can(self) -> frozenset[str]:
        """Its abilities; `antivenom.models.require` checks them."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one row that it takes."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range of the rows that it takes; None where there is none."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What is assumed about the model, in sentences; a report repeats them."""

    def to(self, device: torch.device | str) -> "Classifier":
        """A copy that computes on another device; a copy where it is, if it knows one device only."""

    def fresh(self, rng: Rng) -> "Classifier":
        """The same architecture with new weights; this one is untouched."""

    def copy(self) -> "Classifier":
        """The same classifier again, sharing nothing."""

    def scores(self, x: Inputs) -> Scores:
        """Class scores (n, classes) of any number of rows, without gradient; probabilities where it `can`."""

    def logits(self, x: Inputs) -> Scores:
        """Logits (n, classes) of one batch, differentiable in `x` and in the weights."""

    def features(self, x: Inputs, layer: str | None = None) -> Features:
        """What a layer makes of rows (n, d); by default what feeds the last linear layer."""

    def layers(self) -> tuple[str, ...]:
        """The names that `features` knows, from input to output."""

    def learn(self, x: Inputs, y: Labels) -> float:
        """One update on one batch, continuing the optimizer's state; the loss before it."""

    def silence(self, layer: str, units: Tensor) -> "Classifier":
        """A copy in which these units (channels) of a layer always give 0."""

    def with_head(self, classes: int, rng: Rng) -> "Classifier":
        """A copy with a new last layer for so many classes."""

    def state(self) -> dict[str, Tensor]:
        """A copy of the weights by name."""

    def with_state(self, state: dict[str, Tensor]) -> "Classifier":
        """A copy with these weights."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A classifier as it stood on its way.

    Attributes:
        rows: how many rows it had learned from, each as often as it came.
        classifier: as it stood then.
    """

    rows: int
    classifier: Classifier


@runtime_checkable
class WeightedModel(Protocol):
    """An architecture that may start with weights of its own, such as `Module`."""

    @property
    def weights(self) -> str | None:
        """The file of weights that it starts with; None where it starts with new ones."""


@runtime_checkable
class Model(Protocol):
    """An architecture: a component, such as `CNN`."""

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> Classifier:
        """An untrained classifier for rows of `input_shape`."""


def as_classifier(
    model: Any,
    *,
    input_shape: tuple[int, ...],
    bounds: tuple[float, float] | None = (0.0, 1.0),
    mean: float | tuple[float, ...] | None = None,
    std: float | tuple[float, ...] | None = None,
    outputs: str = "logits",
    classes: int | None = None,
    device: torch.device | str | None = None,
) -> Classifier:
    """Take a model of one's own as a classifier. It is copied; the original is never changed.

    Args:
        model: an `nn.Module` that takes float rows (n, *input_shape) and gives (n, classes); a Keras 3 model on the
            torch backend; or a scikit-learn classifier, which takes rows flattened.
        input_shape: one row's shape: (channels, height, width) for images.
        bounds: the range of the rows that the classifier takes, before `mean` and `std`; None where there is none.
        mean: subtracted from a row before it goes into the module, one number or one a channel.
        std: a row is divided by it after that.
        outputs: what the module gives: "logits" or "probabilities".
        classes: for a scikit-learn classifier that was never fitted: how many there are.
        device: where it computes; where the module is, if left out.

    Raises:
        SettingsError: the model does not take such rows, does not give what `outputs` says, or cannot be told what it
            is told here.

    >>> as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), input_shape=(1, 8, 8)).classes
    10
    """
    if isinstance(model, nn.Module) or is_keras(model):
        adapter = KerasClassifier if is_keras(model) else ModuleClassifier
        return adapter(
            model, input_shape=input_shape, bounds=bounds, mean=mean, std=std, outputs=outputs, device=device
        )
    if callable(getattr(model, "get_params", None)):
        from antivenom.models.estimator import EstimatorClassifier  # noqa: PLC0415 - scikit-learn takes its time

        taken = {"mean": mean, "std": std, "device": device}
        refused = [name for name, value in taken.items() if value is not None and str(value) != "cpu"]
        if refused:
            raise SettingsError([f"{refused[0]} is for an nn.Module; put a scikit-learn estimator into a Pipeline."])
        return EstimatorClassifier(model, input_shape=input_shape, classes=classes, bounds=bounds)
    raise SettingsError(
        [f"A model must be an nn.Module, a Keras 3 model or a scikit-learn classifier; got {type(model).__name__}."]
    )
