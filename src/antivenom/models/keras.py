"""Keras 3 models on the torch backend as classifiers."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.batches import ROWS_PER_BATCH
from antivenom.rng import Rng
from antivenom.shapes import Features, Inputs, Scores

SEEDS = 1 << 31


class KerasClassifier(ModuleClassifier):
    """A Keras 3 model as a classifier: built, and on the torch backend, where it is an `nn.Module`.

    Rows are images with their channels first, as everywhere in antivenom; they are turned for a model that takes them
    last. `state` is Keras' own list of weights, in its order. `fresh` makes the model anew from its configuration, with
    every initialiser's seed from the stream.

    Args:
        model: the model.
        input_shape, bounds, mean, std, outputs, device: as `as_classifier` has them.

    Raises:
        SettingsError: Keras runs on another backend, or the model does not take such rows.
    """

    def __init__(self, model: Any, *, input_shape: tuple[int, ...], **settings: Any) -> None:
        if not isinstance(model, nn.Module):
            raise SettingsError(["Keras runs on another backend. Set KERAS_BACKEND=torch before keras is imported."])
        takes = tuple(getattr(model, "input_shape", ())[1:])
        shape = tuple(input_shape)
        self.turned = len(shape) == 3 and takes == (*shape[1:], shape[0]) and takes != shape
        super().__init__(model, input_shape=shape, **settings)
        order = "last: rows are turned for it" if self.turned else "as rows have them"
        self.assumptions = (*self.assumptions, f"The Keras model takes channels {order}.")

    def fresh(self, rng: Rng) -> "KerasClassifier":
        """The same architecture with new weights."""
        made = self.copy()
        config = _seeded(self.module.get_config(), rng)  # type: ignore[operator]
        made._replace(type(self.module).from_config(config))  # type: ignore[attr-defined]
        return made

    def copy(self) -> "KerasClassifier":
        """The same classifier again, sharing nothing but its settings; an optimizer's running state is dropped."""
        made = super().copy()
        assert isinstance(made, KerasClassifier)
        return made

    def to(self, device: torch.device | str) -> "KerasClassifier":  # noqa: ARG002
        """A copy where it is: Keras chooses the device it computes on, wherever the rows are."""
        return self.copy()

    def logits(self, x: Inputs) -> Scores:
        """Logits (n, classes) of one batch, differentiable, in whichever mode the module is."""
        out: Tensor = self.module(self.normalised(x), training=self.module.training)
        return self.as_logits(out)

    def weights(self) -> dict[str, Tensor]:
        """Keras' own trainable variables, detached, each under its place and path."""
        return {key: one.value.detach() for key, one in self._trainable().items()}

    def logits_with(self, weights: dict[str, Tensor], x: Inputs) -> Scores:
        """As `logits`, with these values of the trainable variables; differentiable in them."""
        import keras  # noqa: PLC0415

        given = [(one, weights[key]) for key, one in self._trainable().items()]
        with keras.StatelessScope(state_mapping=given):
            return self.as_logits(self.module(self.normalised(x), training=False))

    def _trainable(self) -> dict[str, Any]:
        held = enumerate(self.module.trainable_variables)  # type: ignore[arg-type]
        return {_key(number, one): one for number, one in held}

    def features(self, x: Inputs, layer: str | None = None) -> Features:
        """What a layer gives for rows (n, d), flattened; by default what feeds the last dense layer.

        Raises:
            CapabilityError: there is no such layer, or the model is no graph of layers.
        """
        import keras  # noqa: PLC0415 - an extra, and there when its model is

        wanted = self._last_dense().input if layer is None else self._named(layer).output
        part = keras.Model(self.module.inputs, wanted)
        with torch.no_grad():
            found = [
                part(self.normalised(rows.to(self.device)), training=False).flatten(1)
                for rows in x.split(ROWS_PER_BATCH)
            ]
        return torch.cat(found)

    def activations(self, x: Inputs, layers: Iterable[str]) -> dict[str, Tensor]:
        """What these layers give for one batch (n, …), images with their channels first, without gradient.

        Raises:
            CapabilityError: there is no such layer, or the model is no graph of layers.
        """
        import keras  # noqa: PLC0415

        names = list(layers)
        part = keras.Model(self.module.inputs, [self._named(name).output for name in names])
        with torch.no_grad():
            found = part(self.normalised(x.to(self.device)), training=False)
        return {name: one.movedim(-1, 1) if one.ndim == 4 else one for name, one in zip(names, found, strict=True)}

    def layers(self) -> tuple[str, ...]:
        """The names of the model's layers, from input to output."""
        return tuple(layer.name for layer in self._layers() if type(layer).__name__ != "InputLayer")

    def silence(self, layer: str, units: Tensor) -> "KerasClassifier":
        """A copy in which these units of a dense or convolution layer always give 0, before its activation.

        Raises:
            CapabilityError: no such layer, or one without a kernel.
        """
        made = self.copy()
        silenced = made._named(layer)
        if getattr(silenced, "kernel", None) is None:
            raise CapabilityError(f"The units of layer '{layer}' cannot be silenced: {type(silenced).__name__}.")
        with torch.no_grad():
            silenced.kernel.value.data[..., units] = 0
            if silenced.bias is not None:
                silenced.bias.value.data[units] = 0
        return made

    def with_head(self, classes: int, rng: Rng) -> "KerasClassifier":
        """A copy whose last dense layer is new and gives so many classes."""
        import keras  # noqa: PLC0415

        made = self.copy()
        old = made._last_dense()
        config = _seeded({**old.get_config(), "units": classes}, rng)
        config = {key: value for key, value in config.items() if key != "build_config"}
        head = type(old).from_config(config)
        made._replace(keras.Model(made.module.inputs, head(old.input)))
        made.classes = classes
        return made

    def state(self) -> dict[str, Tensor]:
        """A copy of Keras' list of weights, each under its place in it and its path."""
        weights = list(self.module.weights)  # type: ignore[arg-type]
        return {_key(number, one): one.value.detach().clone() for number, one in enumerate(weights)}

    def with_state(self, state: dict[str, Tensor]) -> "KerasClassifier":
        """A copy with these weights.

        Raises:
            CapabilityError: they do not fit the architecture.
        """
        made = self.copy()
        weights = list(made.module.weights)  # type: ignore[arg-type]
        if len(weights) != len(state):
            raise CapabilityError(f"The model has {len(weights)} weights, not {len(state)}.")
        for number, (one, value) in enumerate(zip(weights, state.values(), strict=True)):
            if tuple(one.shape) != tuple(value.shape):
                raise CapabilityError(
                    f"Weight {number} ({one.path}) has the shape {tuple(one.shape)}, not {tuple(value.shape)}."
                )
            with torch.no_grad():
                one.value.data.copy_(value)
        return made

    def normalised(self, x: Inputs) -> Tensor:
        """Rows as the model takes them: normalised, and with channels last where it takes them so."""
        x = super().normalised(x)
        return x.movedim(1, -1) if self.turned else x

    def _replace(self, model: Any) -> None:
        self.module = model.to(self.device)

    def _layers(self) -> list[Any]:
        if getattr(self.module, "inputs", None) is None:
            raise CapabilityError("The Keras model is no graph of layers: make it Sequential or functional.")
        return list(self.module.layers)  # type: ignore[arg-type]

    def _named(self, name: str) -> Any:
        found = next((layer for layer in self._layers() if layer.name == name and name in self.layers()), None)
        if found is None:
            raise CapabilityError(f"There is no layer '{name}'. There are: {', '.join(self.layers())}.")
        return found

    def _last_dense(self) -> Any:
        dense = [layer for layer in self._layers() if type(layer).__name__ == "Dense"]
        if not dense:
            raise CapabilityError("The model has no dense layer. Name the layer that is meant.")
        return dense[-1]


def is_keras(model: object) -> bool:
    """Whether something is a Keras model; keras is not imported to find out."""
    return any(f"{cls.__module__}.".startswith("keras.") and cls.__name__ == "Model" for cls in type(model).__mro__)


def _key(number: int, weight: Any) -> str:
    return f"{number:04} {'/'.join(weight.path.split('/')[-2:])}"


def _seeded(config: Any, rng: Rng, place: str = "") -> Any:
    """A configuration in which every seed is the stream's."""
    if isinstance(config, dict):
        return {
            key: rng.child(place).integer(SEEDS) if key == "seed" else _seeded(value, rng, f"{place}/{key}")
            for key, value in config.items()
        }
    if isinstance(config, list):
        return [_seeded(value, rng, f"{place}/{number}") for number, value in enumerate(config)]
    return config
