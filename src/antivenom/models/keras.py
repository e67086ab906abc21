"""Keras 3 models on the torch backend as classifiers."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models._keras_channels import channels_for
from antivenom.models._keras_rescaling import about_rescaling
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models._probed_module import not_normalised
from antivenom.models.channels import Order
from antivenom.models.checkpoints import check_state
from antivenom.models.outputs import ADVICE
from antivenom.models.values import DRAWS_NEW, differing
from antivenom.rng import Rng
from antivenom.settings.taken_rows import check_tensor
from antivenom.shapes import Features, Inputs, Scores

SEEDS = 1 << 31

ONE_OUTPUT = "Choose one output: keras.Model(model.input, model.output[0])."
"""The advice for a model with several outputs; a Keras model has no forward to change."""


class KerasClassifier(ModuleClassifier):
    """A Keras 3 model as a classifier. It must be built, and on the torch backend, so that it is an `nn.Module`.

    Rows are images with channels first, as everywhere in antivenom. They are converted for a model that takes channels
    last. The order of a model's channels follows from `data_format` of its layers, or else from its input shape.
    `state` is the list of weights of Keras, in its order. `fresh` makes a new model from the configuration, and takes
    the seeds of all initialisers from the stream.

    Args:
        model: the Keras model.
        input_shape, bounds, mean, std, outputs, device: see `as_classifier`.
        channels: the order of the channels that the model takes; from its layers and its input shape if omitted.

    Raises:
        SettingsError: Keras uses another backend, the model does not accept such rows, the order of its channels is
            ambiguous, or it rescales rows of another range itself.
    """

    def __init__(
        self, model: Any, *, input_shape: tuple[int, ...], channels: Order | None = None, **settings: Any
    ) -> None:
        if not isinstance(model, nn.Module):
            raise SettingsError(["Keras must use the torch backend. Set KERAS_BACKEND=torch before keras is imported."])
        shape = tuple(input_shape)
        order_of_rows = channels_for(model, shape, channels)
        try:
            super().__init__(model, input_shape=shape, channels=order_of_rows, **settings)
        except SettingsError as error:
            raise type(error)([problem.replace(ADVICE, ONE_OUTPUT) for problem in error.problems]) from error
        if rescaling := about_rescaling(model, self.bounds, self.mean, self.std):
            plain = not_normalised(self.bounds)
            self.assumptions = (*rescaling, *(each for each in self.assumptions if each != plain))
        order = "last: rows are converted" if self.channels == "last" else "first, as rows have them"
        self.assumptions = (*self.assumptions, f"The Keras model takes channels {order}.")

    def fresh(self, rng: Rng) -> "KerasClassifier":
        """Return the same architecture with new weights, or with those that `with_state` loaded.

        Layers that are not trainable keep theirs.
        """
        return self._drawn(rng) if self.starting is None else self.restored(self.starting)

    def _drawn(self, rng: Rng) -> "KerasClassifier":
        new = self.copy()
        config = _seeded(self.module.get_config(), rng)  # type: ignore[operator]
        new._replace(type(self.module).from_config(config))  # type: ignore[attr-defined]
        for old, layer in zip(self.module.layers, new.module.layers, strict=True):  # type: ignore[arg-type]
            if not old.trainable:
                layer.set_weights(old.get_weights())
        return new

    def copy(self) -> "KerasClassifier":
        """Return a copy that shares only the settings. The state of the optimizer is not copied."""
        new = super().copy()
        assert isinstance(new, KerasClassifier)
        return new

    def to(self, device: torch.device | str) -> "KerasClassifier":  # noqa: ARG002
        """Return a copy on the same device: Keras chooses the device itself."""
        return self.copy()

    def forward(self, x: Inputs) -> Any:
        """Return the outputs of the model for one batch, in its current mode."""
        return self.module(self.normalised(x), training=self.module.training)

    def weights(self) -> dict[str, Tensor]:
        """Return the trainable variables of Keras, detached, by index and path."""
        return {key: one.value.detach() for key, one in self._trainable().items()}

    def logits_with(self, weights: dict[str, Tensor], x: Inputs) -> Scores:
        """Return logits with these values of the trainable variables; differentiable in them."""
        import keras  # noqa: PLC0415

        given = [(one, weights[key]) for key, one in self._trainable().items()]
        with keras.StatelessScope(state_mapping=given):
            return self._outputs.logits(self.module(self.normalised(x), training=False), len(x))

    def _trainable(self) -> dict[str, Any]:
        variables = enumerate(self.module.trainable_variables)  # type: ignore[arg-type]
        return {_key(number, one): one for number, one in variables}

    def features(self, x: Inputs, layer: str | None = None) -> Features:
        """Return the flattened outputs (n, d) of a layer; by default the inputs of the last dense layer.

        Raises:
            CapabilityError: the model does not have this layer, or is not a graph of layers.
        """
        import keras  # noqa: PLC0415 - an extra, installed if there is a Keras model

        check_tensor(x)

        output = self._last_dense().input if layer is None else self.named(layer).output
        part = keras.Model(self.module.inputs, output)
        with torch.no_grad():
            parts = [
                part(self.normalised(rows.to(self.device)), training=False).flatten(1)
                for rows in x.split(self.rows_per_batch)
            ]
        return torch.cat(parts)

    def activations(self, x: Inputs, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the outputs (n, …) of these layers for one batch by name, channels first, without gradient.

        Raises:
            CapabilityError: the model does not have this layer, or is not a graph of layers.
        """
        import keras  # noqa: PLC0415

        names = list(layers)
        part = keras.Model(self.module.inputs, [self.named(name).output for name in names])
        with torch.no_grad():
            outputs = part(self.normalised(x.to(self.device)), training=False)
        outputs = [outputs] if isinstance(outputs, Tensor) else outputs  # Keras unpacks a list of one output
        turned = self.channels != "first"
        return {
            name: one.movedim(-1, 1) if turned and one.ndim == 4 else one
            for name, one in zip(names, outputs, strict=True)
        }

    def layers(self) -> tuple[str, ...]:
        """Return the names of the model's layers, from input to output."""
        return tuple(layer.name for layer in self._layers() if type(layer).__name__ != "InputLayer")

    def silence(self, layer: str, units: Tensor) -> "KerasClassifier":
        """Return a copy in which these units of a dense or convolution layer output 0 before the activation.

        Raises:
            CapabilityError: the layer does not exist, or has no kernel.
        """
        new = self.copy()
        silenced = new.named(layer)
        if getattr(silenced, "kernel", None) is None:
            raise CapabilityError(f"Layer '{layer}' ({type(silenced).__name__}) has no units to silence. Name another.")
        with torch.no_grad():
            silenced.kernel.value.data[..., units] = 0
            if silenced.bias is not None:
                silenced.bias.value.data[units] = 0
        return new

    def layers_with_units(self) -> dict[str, str]:
        """Return the names of the convolutions and dense layers, each with its kind: "convolution" or "linear"."""
        kinds = {"Conv1D": "convolution", "Conv2D": "convolution", "Conv3D": "convolution", "Dense": "linear"}
        return {one.name: kinds[type(one).__name__] for one in self._layers() if type(one).__name__ in kinds}

    def has_units_last(self, layer: str) -> bool:
        """Return True if a layer has its units on the last axis of its output."""
        return getattr(self.named(layer), "data_format", None) != "channels_first"

    def with_head(self, classes: int, rng: Rng) -> "KerasClassifier":
        """Return a copy with a new last dense layer for this number of classes."""
        import keras  # noqa: PLC0415

        new = self.copy()
        old = new._last_dense()
        config = _seeded({**old.get_config(), "units": classes}, rng)
        config = {key: value for key, value in config.items() if key != "build_config"}
        head = type(old).from_config(config)
        new._replace(keras.Model(new.module.inputs, head(old.input)))
        new.classes, new.starting = classes, None
        return new

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the list of weights of Keras, by index and path."""
        weights = list(self.module.weights)  # type: ignore[arg-type]
        return {_key(number, one): one.value.detach().clone() for number, one in enumerate(weights)}

    def with_state(self, state: dict[str, Tensor]) -> "KerasClassifier":
        """Return a copy with these weights. Every training that would draw new weights starts with them.

        Raises:
            CapabilityError: the number or the shapes do not fit the architecture.
        """
        loaded = self.restored(state)
        return self._starting_with(loaded, loaded.state())

    def restored(self, state: dict[str, Tensor]) -> "KerasClassifier":
        """Return a copy with these weights. A training starts as it does for this classifier.

        Raises:
            CapabilityError: the number or the shapes do not fit the architecture.
        """
        check_state(state)
        new = self.copy()
        weights = list(new.module.weights)  # type: ignore[arg-type]
        if len(weights) != len(state):
            raise CapabilityError(f"The state must have {len(weights)} weights, as the model; got {len(state)}.")
        for number, (one, value) in enumerate(zip(weights, state.values(), strict=True)):
            if tuple(one.shape) != tuple(value.shape):
                raise CapabilityError(
                    f"Weight {number} ({one.path}) must have shape {tuple(one.shape)}; got {tuple(value.shape)}."
                )
            with torch.no_grad():
                one.value.data.copy_(value)
        return new

    def _about_module(self) -> tuple[str, ...]:
        frozen = [one.name for one in self.module.layers if one.weights and not one.trainable]  # type: ignore[union-attr]
        if not frozen:
            return ()
        return (
            f"Frozen layers keep their weights in every training: {', '.join(frozen)}. Set trainable to train all.",
        )

    def _about_replaced(self) -> tuple[str, ...]:
        """Return what is assumed about weights that the initialisers of the layers did not draw."""
        try:
            drawn = self._drawn(Rng(0)).weights()
        except Exception:  # a user's configuration can raise anything; `fresh` then raises it  # noqa: BLE001
            return ()
        own = self.weights()
        names = differing(own, dict(zip(own, drawn.values(), strict=True)))
        if not names:
            return ()
        return (f"{DRAWS_NEW} Seen: {len(names)} of {len(drawn)} variables are not as their initialisers draw them.",)

    def _replace(self, model: Any) -> None:
        self.module = model.to(self.device).eval()

    def _layers(self) -> list[Any]:
        if getattr(self.module, "inputs", None) is None:
            raise CapabilityError("The Keras model must be Sequential or functional, a graph of layers; it is not.")
        return list(self.module.layers)  # type: ignore[arg-type]

    def named(self, name: str) -> Any:
        """Return the Keras layer of this name.

        Raises:
            CapabilityError: the model does not have this layer.
        """
        match = next((layer for layer in self._layers() if layer.name == name and name in self.layers()), None)
        if match is None:
            raise CapabilityError(f"Unknown layer '{name}'. Use one of: {', '.join(self.layers())}.")
        return match

    def _last_dense(self) -> Any:
        dense = [layer for layer in self._layers() if type(layer).__name__ == "Dense"]
        if not dense:
            raise CapabilityError("The model must have a dense layer; it has none. Name another layer.")
        return dense[-1]


def is_keras(model: object) -> bool:
    """True if the object is a Keras model. It does not import keras."""
    return any(f"{cls.__module__}.".startswith("keras.") and cls.__name__ == "Model" for cls in type(model).__mro__)


def _key(number: int, weight: Any) -> str:
    return f"{number:04} {'/'.join(weight.path.split('/')[-2:])}"


def _seeded(config: Any, rng: Rng, place: str = "") -> Any:
    """Return a configuration in which all seeds come from the stream."""
    if isinstance(config, dict):
        return {
            key: rng.child(place).integer(SEEDS) if key == "seed" else _seeded(value, rng, f"{place}/{key}")
            for key, value in config.items()
        }
    if isinstance(config, list):
        return [_seeded(value, rng, f"{place}/{number}") for number, value in enumerate(config)]
    return config
