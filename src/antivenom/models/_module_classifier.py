"""`nn.Module`s as classifiers."""

import copy
from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models._probed_module import ProbedModule
from antivenom.models.checkpoints import check_state, fitted, in_words, misfits
from antivenom.models.identity import called_by, digest_of, module_digest, weights_digest
from antivenom.models.probing import leaves, tensors_in
from antivenom.models.renewal import renew
from antivenom.models.taking import copied, unwrapped
from antivenom.private.kernels import NORMALISATIONS
from antivenom.registry import did_you_mean
from antivenom.rng import Rng
from antivenom.settings.taken_rows import check_scored, check_tensor
from antivenom.shapes import Features, Inputs, Labels, Scores

SHORT_TYPES = (torch.float16, torch.bfloat16)
"""Types of numbers that NumPy or linear algebra on a CPU do not have. What a layer returns in them becomes float32."""

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


class ModuleClassifier(ProbedModule):
    """An `nn.Module` as a classifier. `as_classifier` makes one from your own module.

    Args:
        module, input_shape, bounds, mean, std, channels, outputs, device: see `as_classifier`.
        factory: makes the module with new weights from a stream; if omitted, `fresh` calls `reset_parameters()` of each
            layer.
        optimizer: the optimizer of `learn`; Adam with its defaults if omitted.
    """

    can = frozenset({"gradients", "features", "incremental", "probabilities"})

    def fresh(self, rng: Rng) -> "ModuleClassifier":
        """Return the same architecture with new weights, or with those that `with_state` loaded.

        Frozen parameters keep their values.

        Raises:
            CapabilityError: a layer has parameters but no `reset_parameters()`.
        """
        if self.starting is not None:
            return self.restored(self.starting)
        new = self.copy()
        if self.factory is not None:
            new.module = unwrapped(self.factory(rng))[0].to(self.device).eval()
            new._materialise(rng)
            new.freeze_cut(self.cut)
            new.lay_out()
            return new
        with rng.torch_globally(self.device):
            renew(new.module, self.frozen)
        return new

    def copy(self) -> "ModuleClassifier":
        """Return a copy that shares only the settings. The state of the optimizer is not copied."""
        new = copy.copy(self)
        new.module, new._running = copied(self.module), None
        return new

    def to(self, device: torch.device | str) -> "ModuleClassifier":
        """Return a copy on another device."""
        new = self.copy()
        new.device = torch.device(device)
        new.module = new.module.to(new.device)
        return new

    def scores(self, x: Tensor) -> Scores:
        """Return probabilities (n, classes) that sum to 1, of any number of rows (n, *input_shape), without gradient.

        The module is in evaluation mode. `logits` returns logits.

        Raises:
            DataError: rows have another shape, are not floating-point numbers, or are far outside of `bounds`.
        """
        check_scored(self, x)
        x = x if x.dtype in (torch.float32, self._dtype) else x.float()
        if not len(x):
            return torch.empty(0, self.classes, device=self.device)
        with torch.no_grad(), self.evaluating():
            return torch.cat([self.logits(part.to(self.device)).softmax(1) for part in x.split(self.rows_per_batch)])

    def logits(self, x: Inputs) -> Scores:
        """Return differentiable logits (n, classes) of one batch.

        Dropout is off, and batch normalisation uses its running statistics. Only while `EndToEnd`, `Transfer`, `Online`
        or `learn` update the module, the same method runs it in training mode.
        """
        return self._outputs.logits(self.forward(x), len(x))

    def weights(self) -> dict[str, Tensor]:
        """Return the trainable parameters by name, detached. The name of a bias ends in `bias`."""
        named = self.module.named_parameters()
        return {name: value.detach() for name, value in named if name not in self.frozen}

    def logits_with(self, weights: dict[str, Tensor], x: Inputs) -> Scores:
        """Return logits with these parameters instead of its own; differentiable in them, for `torch.func`."""
        return self._outputs.logits(functional_call(self.module, weights, (self.normalised(x),)), len(x))

    def features(self, x: Inputs, layer: str | None = None) -> Features:
        """Return the flattened outputs (n, d) of a layer; by default the inputs of the last linear layer.

        Raises:
            CapabilityError: the module does not have this layer.
        """
        check_tensor(x)
        name = self._last_linear()[0] if layer is None else layer
        with torch.no_grad(), self.evaluating():
            parts = [
                self._seen(part, (name,), before=layer is None)[name].flatten(1)
                for part in x.split(self.rows_per_batch)
            ]
        return torch.cat(parts)

    def activations(self, x: Inputs, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the outputs (n, …) of these layers for one batch by name, from one forward pass without gradient.

        Raises:
            CapabilityError: the module does not have this layer.
        """
        check_tensor(x)
        with torch.no_grad(), self.evaluating():
            return self._seen(x, layers)

    def _seen(self, x: Inputs, layers: Iterable[str], *, before: bool = False) -> dict[str, Tensor]:
        """Return the outputs of layers, or their inputs, in one pass; of the last run of a layer that runs twice."""
        kept: dict[str, Tensor] = {}
        names = list(layers)
        observed = [(name, self.module if before and not name else self._layer(name)) for name in names]
        handles = [layer.register_forward_hook(partial(_keep, kept, name, before)) for name, layer in observed]
        try:
            self.logits(x.to(self.device))
        finally:
            for handle in handles:
                handle.remove()
        absent = [name for name in names if name not in kept]
        if absent:
            raise CapabilityError(f"Layer '{absent[0]}' does not run in the module's forward. Name another.")
        return kept

    def layers(self) -> tuple[str, ...]:
        """Return the names of the layers that contain no other layers and return something for each row.

        They have the order of the module.
        """
        return tuple(name for name in leaves(self.module) if name in self._rowwise)

    def learn(self, x: Inputs, y: Labels) -> float:
        """Update on one batch, in training mode, with the current optimizer state; return the mean loss before it.

        Raises:
            CapabilityError: all weights are frozen, or the module requires more rows in training mode.
        """
        if self._running is None:
            self.check_trainable()
            self._running = self.optimizer.build(self.module.parameters())
        self.module.train()
        try:
            return self._update(self._running, x, y)
        finally:
            self.module.eval()

    def _update(self, optimizer: torch.optim.Optimizer, x: Inputs, y: Labels) -> float:
        """Update on one batch; return the loss before it."""
        if len(x) == 1 and self.requires_two_rows():
            raise CapabilityError(f"One update of {self.name} requires 2 rows, for its batch normalisation; got 1.")
        optimizer.zero_grad()
        loss = functional.cross_entropy(self.logits(x.to(self.device)), y.to(self.device))
        loss.backward()
        optimizer.step()
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
            head = nn.Linear(old.in_features, classes, bias=old.bias is not None, device=self.device, dtype=self._dtype)
        if not name:
            new.module = head
        else:
            parent = new.module.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], head)
        new.factory = new.starting = None
        new.module.eval()
        try:
            new._probe(classes)
        except SettingsError as error:
            raise CapabilityError(
                f"A new last layer '{name}' does not change the number of classes: {error}"
            ) from error
        return new

    def state(self) -> dict[str, Tensor]:
        """Return a copy of parameters and buffers by name."""
        return {name: value.detach().clone() for name, value in self.module.state_dict().items()}

    def with_state(self, state: dict[str, Tensor]) -> "ModuleClassifier":
        """Return a copy with these parameters and buffers. Every training that would draw new weights starts with them.

        Raises:
            CapabilityError: the names or shapes do not fit the architecture.
        """
        loaded = self.restored(state)
        return self._starting_with(loaded, loaded.state())

    def restored(self, state: dict[str, Tensor]) -> "ModuleClassifier":
        """Return a copy with these parameters and buffers. A training starts as it does for this classifier.

        Raises:
            CapabilityError: the names or shapes do not fit the architecture.
        """
        check_state(state)
        new = self.copy()
        state, assumed = fitted(state, tuple(new.module.state_dict()))
        new.assumptions = tuple(dict.fromkeys((*self.assumptions, *assumed)))
        try:
            new.module.load_state_dict(state)
        except RuntimeError as error:
            about = in_words(misfits(state, new.module.state_dict())) or str(error)
            raise CapabilityError(f"These weights do not fit this architecture: {about}") from error
        return new

    def classes_of(self, state: dict[str, Tensor]) -> int:
        """Return the number of classes of these weights of the same architecture.

        Raises:
            CapabilityError: the weights do not contain the last layer.
        """
        name = f"{self._last_linear()[0]}.weight".lstrip(".")
        state, _ = fitted(state, tuple(self.module.state_dict()))
        if name not in state:
            raise CapabilityError(f"These weights do not contain '{name}'.{did_you_mean(name, state)}")
        return 2 if self._outputs.width == len(state[name]) == 1 else len(state[name])

    def identity(self) -> dict[str, Any] | None:
        """Return digests of weights, structure and settings, or None if plain values do not describe the module."""
        settings = (self.input_shape, self.bounds, self.outputs, self.classes, self.mean, self.std, sorted(self.frozen))
        digest = module_digest(self.module, (*settings, self.channels, self.optimizer, self.factory))
        if digest is None:
            return None
        starting = None if self.starting is None else digest_of(self.starting)
        return {"weights": weights_digest(self), "module": digest, "starting": starting}

    def code(self) -> tuple[object, ...]:
        """Return the classes and functions that it uses."""
        layers = {type(layer) for layer in self.module.modules()}
        return type(self), type(self.optimizer), *layers, *called_by(self.factory)

    def _layer(self, name: str) -> nn.Module:
        if name not in self.layers():
            which = f"Unknown layer '{name}'."
            if name in leaves(self.module):
                which = f"Layer '{name}' does not run in the module's forward, or returns nothing for each row."
            raise CapabilityError(f"{which} Use one of: {', '.join(self.layers())}.")
        return self.module.get_submodule(name)

    def _last_linear(self) -> tuple[str, nn.Linear]:
        """Return the last linear layer that runs."""
        if self._head is None:
            raise CapabilityError("The module must have a linear layer; it has none. Name another layer.")
        layer = self.module.get_submodule(self._head)
        assert isinstance(layer, nn.Linear)
        return self._head, layer


def _keep(
    kept: dict[str, Tensor], name: str, before: bool, _: nn.Module, inputs: tuple[Tensor, ...], output: object
) -> None:
    """Store the first tensor of the output of a layer, or of its inputs: a forward hook."""
    if tensors := tensors_in(inputs if before else output):
        value = tensors[0].detach()
        kept[name] = value.float() if value.dtype in SHORT_TYPES else value.clone()  # the next layer may change it
