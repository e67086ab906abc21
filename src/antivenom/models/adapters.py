"""Convert your own models to classifiers."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch
from torch import nn

from antivenom.errors import SettingsError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.channels import Order, check_order, check_shape
from antivenom.models.classifier import Classifier
from antivenom.models.keras import KerasClassifier, is_keras
from antivenom.models.row_settings import checked_bounds, checked_shape


def as_classifier(
    model: Any,
    *,
    input_shape: tuple[int, ...] | int,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    mean: Any = None,
    std: Any = None,
    channels: Order | None = None,
    outputs: str = "logits",
    classes: int | None = None,
    device: torch.device | str | None = None,
) -> Classifier:
    """Convert your own model to a classifier. The model is copied, and the original does not change.

    `scores` of the classifier are probabilities that sum to 1, whatever the model returns. An estimator without
    `predict_proba` returns its decision function instead. `logits` returns logits.

    Args:
        model: an `nn.Module` that takes float rows (n, *input_shape) and returns (n, classes), one number for each row,
            or a tuple, dictionary or object with one such tensor, such as `.logits`; a Keras 3 model on the torch
            backend; or a scikit-learn classifier, which takes flattened rows.
        input_shape: the shape of one row: (channels, height, width) for images, even if the model takes channels last.
            A whole number is the number of columns of a table.
        bounds: the smallest and largest possible value of a number in the rows that the classifier gets, before `mean`
            and `std`; None for any range. Images of uint8 in a `Dataset` have become rows in its `bounds` by then,
            usually (0, 1).
        mean: subtracted from each row before the module; one number, or one number per channel, as a number, list,
            tuple, array or tensor.
        std: the divisor of each row after that; one number, or one number per channel.
        channels: "last" if the model takes images as (n, height, width, channels): rows are then converted; "first" if
            it takes them as rows are, with their channels first. If omitted, it is "first", and for a Keras model the
            order that its layers or its input shape state.
        outputs: the outputs of the module: "logits" or "probabilities".
        classes: the number of classes; required for a scikit-learn classifier that was never fitted, and for a module
            that returns several tensors of different widths.
        device: the device to compute on; the device of the module if omitted.

    Raises:
        SettingsError: the model does not take such rows, its outputs are not of the type `outputs`, or it does not
            support an argument.

    >>> classifier = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), input_shape=(1, 8, 8))
    >>> classifier.scores(torch.zeros(2, 1, 8, 8)).sum(1).round(decimals=3)
    tensor([1., 1.])
    """
    _refuse_contents(model)
    input_shape, bounds = checked_shape(input_shape), checked_bounds(bounds)
    check_order(channels or "first", input_shape)
    if channels is None and not is_keras(model):
        check_shape(input_shape)
    if isinstance(model, nn.Module) or is_keras(model):
        adapter = KerasClassifier if is_keras(model) else ModuleClassifier
        return adapter(
            model,
            input_shape=input_shape,
            bounds=bounds,
            mean=mean,
            std=std,
            channels=channels if is_keras(model) else channels or "first",
            outputs=outputs,
            classes=classes,
            device=device,
        )
    if callable(getattr(model, "get_params", None)) and not isinstance(model, type):
        _refuse_settings_of_modules(mean=mean, std=std, device=device)
        from antivenom.models._estimator_classifier import EstimatorClassifier  # noqa: PLC0415 - scikit-learn imports slowly

        return EstimatorClassifier(
            model, input_shape=input_shape, channels=channels or "first", classes=classes, bounds=bounds
        )
    raise SettingsError([_not_a_model(model)])


def _refuse_contents(model: object) -> None:
    """Raise SettingsError for what was made of a network: a TorchScript module, or its weights alone."""
    if isinstance(model, torch.jit.ScriptModule):
        raise SettingsError(["TorchScript modules are not supported. Pass the nn.Module that was scripted or traced."])
    if isinstance(model, Mapping):
        raise SettingsError(
            [
                "A model must be a network; got a state dict. Build the network, then load the weights: "
                "as_classifier(network, ...).with_state(read_weights(FILE))."
            ]
        )


def _refuse_settings_of_modules(**settings: Any) -> None:
    """Raise SettingsError if an estimator is given settings that only an nn.Module has. It is on the CPU anyway."""
    refused = [name for name, value in settings.items() if value is not None and str(value) != "cpu"]
    if refused:
        raise SettingsError([f"{refused[0]} requires an nn.Module. Put a scikit-learn estimator into a Pipeline."])


def _not_a_model(model: object) -> str:
    from antivenom.models._estimator_kind import KIND  # noqa: PLC0415 - scikit-learn imports slowly

    got = (
        f"got the class {model.__name__}. Pass an object of it"
        if isinstance(model, type)
        else f"got {type(model).__name__}"
    )
    if isinstance(model, str | PathLike):
        got = (
            f"got {str(model)!r}. A file has only weights: build the network, then "
            f"as_classifier(network, ...).with_state(read_weights({str(model)!r})), from antivenom.models"
        )
    return f"A model must be an nn.Module, a Keras 3 model or a scikit-learn classifier; {got}. {KIND}"
