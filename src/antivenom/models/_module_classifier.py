"""`nn.Module`s as classifiers."""

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from antivenom.errors import CapabilityError, ProbabilityOutputsError, SettingsError
from antivenom.models._adapter import Adapter, Bounds, range_in_words
from antivenom.models.batches import ROWS_PER_BATCH
from antivenom.models.identity import called_by, module_digest, weights_digest
from antivenom.models.layout import lay_out
from antivenom.models.optimizers import Optimizer
from antivenom.private.kernels import NORMALISATIONS
from antivenom.registry import did_you_mean
from antivenom.rng import Rng
from antivenom.shapes import Features, Inputs, Labels, Scores

WITH_UNITS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    *NORMALISATIONS,
    nn.GroupNorm,
    nn.LayerNorm,
)
"""Layers in which each unit has its own weights: one row or one number per unit."""


class ModuleClassifier(Adapter):
    """An `nn.Module` as a classifier. `as_classifier` makes one from your own module.

    Args:
        module, input_shape, bounds, mean, std, outputs, device: see `as_classifier`.
        factory: makes the module with new weights from a stream; if omitted, `fresh` calls `reset_parameters()` of each
            layer.
        optimizer: the optimizer of `learn`; Adam with its defaults if omitted.
    """

    can = frozenset({"gradients", "features", "incremental", "probabilities"})

    def __init__(
        self,
        module: nn.Module,
        *,
        input_shape: tuple[int, ...],
        bounds: tuple[float, float] | None = (0.0, 1.0),
        mean: float | tuple[float, ...] | None = None,
        std: float | tuple[float, ...] | None = None,
        outputs: str = "logits",
        device: torch.device | str | None = None,
        factory: Callable[[Rng], nn.Module] | None = None,
        optimizer: Optimizer | None = None,
    ) -> None:
        first = next(iter(module.parameters()), None)
        self.device = torch.device(device or (first.device if first is not None else "cpu"))
        self.input_shape = tuple(input_shape)
        self.module = lay_out(copy.deepcopy(module).to(self.device), self.input_shape)
        self.bounds = bounds
        self.outputs = outputs
        self.factory = factory
        self.optimizer = optimizer or Optimizer()
        self._running: torch.optim.Optimizer | None = None
        self.mean, self.std = mean, std
        if std is not None and not min(std if isinstance(std, tuple) else (std,)) > 0:
            raise SettingsError([f"std must be above 0; got {std}."])
        self._mean, self._std = _channelwise(mean, self.input_shape), _channelwise(std, self.input_shape)
        self.assumptions = tuple(_assumptions(bounds, mean, std))
        self.classes = self._probe()

    @property
    def name(self) -> str:
        """The class of the module."""
        return type(self.module).__name__

    def _state_of_training(self) -> str:
        return f"{sum(weight.numel() for weight in self.module.parameters()):,} weights on {self.device}"

    def fresh(self, rng: Rng) -> "ModuleClassifier":
        """Return the same architecture with new weights.

        Raises:
            CapabilityError: a layer has parameters but no `reset_parameters()`.
        """
        new = self.copy()
        if self.factory is not None:
            new.module = lay_out(self.factory(rng).to(self.device), self.input_shape)
            return new
        for name, layer in new.module.named_modules():
            reset = getattr(layer, "reset_parameters", None)
            if reset is None and any(True for _ in layer.parameters(recurse=False)):
                raise CapabilityError(
                    f"New weights require reset_parameters(), which layer '{name}' ({type(layer).__name__}) does not "
                    "have. Add this method, or pass a factory."
                )
        with rng.torch_globally(self.device):
            for layer in new.module.modules():
                if callable(reset := getattr(layer, "reset_parameters", None)):
                    reset()
        return new

    def copy(self) -> "ModuleClassifier":
        """Return a copy that shares only the settings. The state of the optimizer is not copied."""
        new = copy.copy(self)
        new.module, new._running = copy.deepcopy(self.module), None
        return new

    def to(self, device: torch.device | str) -> "ModuleClassifier":
        """Return a copy on another device."""
        new = self.copy()
        new.device = torch.device(device)
        new.module = new.module.to(new.device)
        return new

    def scores(self, x: Inputs) -> Scores:
        """Return probabilities (n, classes) of any number of rows, in evaluation mode and without gradient."""
        if not len(x):
            return torch.empty(0, self.classes, device=self.device)
        with torch.no_grad(), self.evaluating():
            return torch.cat([self.logits(part.to(self.device)).softmax(1) for part in x.split(ROWS_PER_BATCH)])

    def logits(self, x: Inputs) -> Scores:
        """Return differentiable logits (n, classes) of one batch, in the current mode of the module."""
        return self.as_logits(self.module(self.normalised(x)))

    def weights(self) -> dict[str, Tensor]:
        """Return the trainable parameters by name, detached. The name of a bias ends in `bias`."""
        return {name: value.detach() for name, value in self.module.named_parameters()}

    def logits_with(self, weights: dict[str, Tensor], x: Inputs) -> Scores:
        """Return logits with these parameters instead of its own; differentiable in them, for `torch.func`."""
        return self.as_logits(functional_call(self.module, weights, (self.normalised(x),)))

    def as_logits(self, out: Scores) -> Scores:
        """Convert outputs of the module to logits."""
        return out if self.outputs == "logits" else out.clamp_min(torch.finfo(out.dtype).tiny).log()

    def normalised(self, x: Inputs) -> Inputs:
        """Return inputs of the module: rows minus `mean`, divided by `std`."""
        if self._mean is not None:
            x = x - self._mean.to(x.device)
        return x if self._std is None else x / self._std.to(x.device)

    def features(self, x: Inputs, layer: str | None = None) -> Features:
        """Return the flattened outputs (n, d) of a layer; by default the inputs of the last linear layer.

        Raises:
            CapabilityError: the module does not have this layer.
        """
        before = layer is None
        observed = self._last_linear()[1] if layer is None else self._layer(layer)
        kept: list[Tensor] = []

        def keep(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            kept.append(
                (inputs[0] if before else output).detach().flatten(1).clone()
            )  # the next layer may change it in place

        handle = observed.register_forward_hook(keep)
        try:
            with torch.no_grad(), self.evaluating():
                for part in x.split(ROWS_PER_BATCH):
                    self.logits(part.to(self.device))
        finally:
            handle.remove()
        return torch.cat(kept)

    def activations(self, x: Inputs, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the outputs (n, …) of these layers for one batch by name, from one forward pass without gradient.

        Raises:
            CapabilityError: the module does not have this layer.
        """
        kept: dict[str, Tensor] = {}
        handles = [self._layer(name).register_forward_hook(partial(_keep, kept, name)) for name in layers]
        try:
            with torch.no_grad(), self.evaluating():
                self.logits(x.to(self.device))
        finally:
            for handle in handles:
                handle.remove()
        return kept

    def layers(self) -> tuple[str, ...]:
        """Return the names of the layers that contain no other layers, in the order of the module."""
        return tuple(name for name, layer in self.module.named_modules() if not any(True for _ in layer.children()))

    def learn(self, x: Inputs, y: Labels) -> float:
        """Update on one batch, in training mode, with the current optimizer state; return the mean loss before it."""
        if self._running is None:
            self._running = self.optimizer.build(self.module.parameters())
        self.module.train()
        self._running.zero_grad()
        loss = functional.cross_entropy(self.logits(x.to(self.device)), y.to(self.device))
        loss.backward()
        self._running.step()
        return float(loss.detach())

    def silence(self, layer: str, units: Tensor) -> "ModuleClassifier":
        """Return a copy in which these units of a linear, convolution or normalisation layer always output 0.

        Raises:
            CapabilityError: the layer does not exist, or its units do not have their own weights.
        """
        new = self.copy()
        silenced = new._layer(layer)
        weight, bias = getattr(silenced, "weight", None), getattr(silenced, "bias", None)
        if not isinstance(silenced, WITH_UNITS) or not isinstance(weight, nn.Parameter):
            raise CapabilityError(f"Layer '{layer}' ({type(silenced).__name__}) has no units to silence. Name another.")
        with torch.no_grad():
            weight[units] = 0
            if isinstance(bias, Tensor):
                bias[units] = 0
        return new

    def with_head(self, classes: int, rng: Rng) -> "ModuleClassifier":
        """Return a copy with a new last linear layer for this number of classes."""
        new = self.copy()
        name, old = new._last_linear()
        with rng.torch_globally(self.device):
            head = nn.Linear(old.in_features, classes, bias=old.bias is not None, device=self.device)
        if not name:
            new.module = head
        else:
            parent = new.module.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], head)
        new.classes, new.factory = classes, None
        return new

    def state(self) -> dict[str, Tensor]:
        """Return a copy of parameters and buffers by name."""
        return {name: value.detach().clone() for name, value in self.module.state_dict().items()}

    def with_state(self, state: dict[str, Tensor]) -> "ModuleClassifier":
        """Return a copy with these parameters and buffers.

        Raises:
            CapabilityError: the names or shapes do not fit the architecture.
        """
        new = self.copy()
        try:
            new.module.load_state_dict(state)
        except RuntimeError as error:
            raise CapabilityError(f"These weights do not fit this architecture: {error}") from error
        return new

    def classes_of(self, state: dict[str, Tensor]) -> int:
        """Return the number of classes of these weights of the same architecture.

        Raises:
            CapabilityError: the weights do not contain the last layer.
        """
        name = f"{self._last_linear()[0]}.weight".lstrip(".")
        if name not in state:
            raise CapabilityError(f"These weights do not contain '{name}'.{did_you_mean(name, state)}")
        return len(state[name])

    def identity(self) -> dict[str, Any] | None:
        """Return digests of weights, structure and settings, or None if plain values do not describe the module."""
        settings = (self.input_shape, self.bounds, self.outputs, self.classes, self.mean, self.std)
        digest = module_digest(self.module, (*settings, self.optimizer, self.factory))
        return None if digest is None else {"weights": weights_digest(self), "module": digest}

    def code(self) -> tuple[object, ...]:
        """Return the classes and functions that it uses."""
        layers = {type(layer) for layer in self.module.modules()}
        return type(self), type(self.optimizer), *layers, *called_by(self.factory)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Switch the module to evaluation mode inside a `with` statement."""
        modes = [(layer, layer.training) for layer in self.module.modules()]
        self.module.eval()
        try:
            yield
        finally:
            for layer, training in modes:
                layer.training = training

    def _layer(self, name: str) -> nn.Module:
        if name not in self.layers():
            raise CapabilityError(f"Unknown layer '{name}'. Use one of: {', '.join(self.layers())}.")
        return self.module.get_submodule(name)

    def _last_linear(self) -> tuple[str, nn.Linear]:
        linear = [(name, layer) for name, layer in self.module.named_modules() if isinstance(layer, nn.Linear)]
        if not linear:
            raise CapabilityError("The module must have a linear layer; it has none. Name another layer.")
        return linear[-1]

    def _probe(self) -> int:
        """Score one row to check the settings; return the number of classes."""
        if self.outputs not in ("logits", "probabilities"):
            raise SettingsError([f"outputs must be 'logits' or 'probabilities'; got {self.outputs!r}."])
        low, high = self.bounds or (0.0, 1.0)
        row = torch.full((1, *self.input_shape), (low + high) / 2, device=self.device)
        try:
            with torch.no_grad(), self.evaluating():
                out = self.module(self.normalised(row))
        except Exception as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise SettingsError([f"The module does not accept rows of shape {self.input_shape}: {reason}"]) from error
        if not isinstance(out, Tensor) or out.ndim != 2 or out.shape[1] < 2:
            got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise SettingsError([f"The module must return (n, classes) with at least two classes; got {got}."])
        sums_to_one = bool(((out >= 0).all() & ((out.sum(1) - 1).abs() < 1e-4)).all())
        if self.outputs == "probabilities" and not sums_to_one:
            raise SettingsError(
                ["outputs is 'probabilities', but the module's outputs do not sum to 1. Pass 'logits'."]
            )
        if self.outputs == "logits" and sums_to_one:
            raise ProbabilityOutputsError(
                ["The module's outputs sum to 1, as probabilities do. Pass outputs='probabilities'."]
            )
        return int(out.shape[1])


def _keep(kept: dict[str, Tensor], name: str, _: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
    """Store the output of a layer: a forward hook."""
    kept[name] = output.detach().clone()  # the next layer may change it in place


def _channelwise(value: float | tuple[float, ...] | None, shape: tuple[int, ...]) -> Tensor | None:
    if value is None:
        return None
    numbers = torch.tensor(value, dtype=torch.float32)
    if not torch.isfinite(numbers).all():
        raise SettingsError([f"mean and std must be finite numbers; got {value}."])
    if numbers.ndim and len(numbers) not in (1, shape[0]):
        raise SettingsError([f"mean and std must have 1 or {shape[0]} numbers (one per channel); got {len(numbers)}."])
    return numbers.reshape(-1, *(1 for _ in shape[1:])) if numbers.ndim else numbers


def _assumptions(bounds: Bounds, mean: object, std: object) -> Iterator[str]:
    if mean is None and std is None:
        yield f"The module takes rows in {range_in_words(bounds)} without normalisation: no mean or std was given."
