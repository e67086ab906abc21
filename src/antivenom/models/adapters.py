"""The door through which users' models enter."""

from typing import Any

import torch
from torch import nn

from antivenom.errors import SettingsError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.classifier import Classifier
from antivenom.models.keras import KerasClassifier, is_keras


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
