"""An `nn.Module` after a trial on some rows: its scores, its last layer, its layout and its size are known."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from antivenom.errors import CapabilityError
from antivenom.models._adapter import Adapter, Bounds, range_in_words
from antivenom.models.batches import rows_fitting
from antivenom.models.channels import Order, advice_on_channels, check_order, with_channels_last
from antivenom.models.gradients import about_cut, find_gradients
from antivenom.models.in_place import writes_into_rows
from antivenom.models.layout import lay_out, takes_channels_last
from antivenom.models.normalisation import Numbers, channelwise, check_range, numbers_of
from antivenom.models.optimizers import Optimizer
from antivenom.models.probing import outputs_of, probe, probing_rows
from antivenom.models.taking import (
    NEW_WEIGHTS,
    advice_on_forward,
    assumed_of,
    copied,
    frozen_names,
    materialised,
    unwrapped,
)
from antivenom.models.values import STARTS_WITH_LOADED, about_replaced, check_finite
from antivenom.rng import Rng
from antivenom.shapes import Inputs, Scores

RESTORE_GRADIENTS = "Remove torch.no_grad and detach from its forward, and operations without a derivative."
"""The advice for a module whose rows or weights get no gradient."""


P = TypeVar("P", bound="ProbedModule")


class ProbedModule(Adapter):
    """The part of `ModuleClassifier` that takes a user's module.

    Attributes:
        frozen: the names of the parameters that keep their values.
        cut: those of them that require a gradient in the user's module, but never get one.
        writes_into_rows: True if the module writes into its rows; it gets a copy of them then.
        rows_per_batch: the rows per batch without gradients, so that the activations fit into memory.
        rows_per_gradient: the rows per batch with gradients.
        channels_last_filters: True if filters are in the layout channels last.
        starting: the weights that `with_state` loaded, with which a training starts; None if it draws new ones.
    """

    starting: dict[str, Tensor] | None = None

    def __init__(
        self,
        module: nn.Module,
        *,
        input_shape: tuple[int, ...],
        bounds: tuple[float, float] | None = (0.0, 1.0),
        mean: Any = None,
        std: Any = None,
        channels: Order | None = "first",
        outputs: str = "logits",
        classes: int | None = None,
        device: torch.device | str | None = None,
        factory: Callable[[Rng], nn.Module] | None = None,
        optimizer: Optimizer | None = None,
    ) -> None:
        self.input_shape, self.bounds, self.outputs = tuple(input_shape), bounds, outputs
        check_order(channels or "first", self.input_shape)
        self.channels = channels
        self.mean, self.std = (
            numbers_of(value, name, self.input_shape) for name, value in (("mean", mean), ("std", std))
        )
        check_range(self.mean, self.std, bounds, self.input_shape)
        self._normalise_by(self.mean, self.std)
        self.factory = factory
        self.optimizer = optimizer or Optimizer()
        self._running: torch.optim.Optimizer | None = None
        self.writes_into_rows = False
        module, unwrapping = unwrapped(module)
        first = next(iter(module.parameters()), None)
        self.device = torch.device(device or (first.device if first is not None else "cpu"))
        self.module = copied(module).to(self.device).eval()
        self.frozen, self.channels_last_filters = frozen_names(self.module), False
        about = (*_assumptions(bounds, mean, std), *self._materialise(Rng(0)), *self._about_module())
        check_finite(self.module)
        self._find_writes()
        self.assumptions = (*about, *self._probe(classes), *unwrapping)
        self._replaced = () if factory is not None else self._about_replaced()
        self.assumptions += self._replaced

    @property
    def name(self) -> str:
        """The class of the module."""
        return type(self.module).__name__

    def _state_of_training(self) -> str:
        return f"{sum(weight.numel() for weight in self.module.parameters()):,} weights on {self.device}"

    def forward(self, x: Inputs) -> Any:
        """Return the outputs of the module for one batch, as the module has them."""
        return self.module(self.normalised(x))

    def as_logits(self, out: Scores) -> Scores:
        """Convert outputs of the module for a batch to logits."""
        return self._outputs.logits(out, len(out))

    @property
    def returns_logits(self) -> bool:
        """True if the module takes rows and returns logits (n, classes), without any conversion."""
        plain = self.mean is None and self.std is None and self.channels != "last"
        return self.outputs == "logits" and self._outputs.width > 1 and plain

    def normalised(self, x: Inputs) -> Tensor:
        """Return inputs of the module: rows minus `mean`, divided by `std`, in its precision and order of channels."""
        x = x.clone() if self.writes_into_rows else x
        if self._mean is not None:
            x = x - self._mean.to(x.device)
        x = x if self._std is None else x / self._std.to(x.device)
        x = (x if self._dtype == torch.float32 else x.to(self._dtype)).contiguous()
        if not self.channels_last_filters and x.ndim == 4 and x.shape[1] == 1:
            x = x.flatten(1).view(x.shape)  # one channel: two layouts are contiguous, and only one is in order
        return with_channels_last(x) if self.channels == "last" else x

    def _about_replaced(self) -> tuple[str, ...]:
        """Return what is assumed about weights that a training replaces by new ones."""
        return about_replaced(self.module, self.frozen, self.device)

    def _starting_with(self, loaded: P, state: dict[str, Tensor]) -> P:
        """Make the loaded weights of a copy those with which its trainings start. Return the copy."""
        loaded.starting = state
        kept = (each.replace(NEW_WEIGHTS, ":") for each in loaded.assumptions if each not in self._replaced)
        loaded.assumptions = tuple(dict.fromkeys((*kept, STARTS_WITH_LOADED)))
        return loaded

    def lay_out(self) -> None:
        """Convert the weights to the fastest layout in memory that the module supports."""
        lay_out(self.module, channels_last=self.channels_last_filters)

    def requires_two_rows(self) -> bool:
        """True if a batch of one row fails in the current mode, and two do not, as with batch normalisation."""
        trial, rows = copy.copy(self), probing_rows(self.input_shape, self.bounds, self.device)
        trial.module = copied(self.module)
        with Rng(0).child("probe").torch_globally(self.device), torch.no_grad():
            return not trial._takes(rows[:1]) and trial._takes(rows[:2])

    @property
    def trainable(self) -> bool:
        """True if a weight requires gradients."""
        return any(weight.requires_grad for weight in self.module.parameters())

    def check_trainable(self) -> None:
        """Raise CapabilityError if no weight can be trained."""
        if not self.trainable:
            if self.cut:
                raise CapabilityError(
                    f"Training requires weights to train; those of {self.name} get no gradient. {RESTORE_GRADIENTS}"
                )
            count = sum(1 for _ in self.module.parameters())
            state = f"all {count} parameters are frozen" if count else "the module has no parameters"
            raise CapabilityError(f"Training requires weights to train; {state}. Set requires_grad of some to True.")

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

    def _materialise(self, rng: Rng) -> tuple[str, ...]:
        """Give lazy layers their sizes. Return what was assumed."""
        self._dtype = torch.float32
        rows = probing_rows(self.input_shape, self.bounds, self.device)
        with self.evaluating():
            run = partial(outputs_of, self.forward, rows, self._advice)
            assumed = materialised(self.module, lambda _: run(), rng.child("lazy"))
        self._dtype = next((w.dtype for w in self.module.parameters() if w.is_floating_point()), torch.float32)
        return assumed

    def _about_module(self) -> tuple[str, ...]:
        """Return what is assumed about channels, hooks and frozen parameters."""
        order = ("The module takes channels last: rows are converted.",) if self.channels == "last" else ()
        return (*order, *assumed_of(self.module))

    def _probe(self, classes: int | None) -> tuple[str, ...]:
        """Try the module on some rows: find its scores, its last layer, its layout and its size. Return assumptions."""
        rows = probing_rows(self.input_shape, self.bounds, self.device)
        with Rng(0).child("probe").torch_globally(self.device), torch.no_grad(), self.evaluating():
            probed = probe(self.forward, self.module, rows, self.outputs, classes, self._advice)
            self._outputs, self.classes = probed.outputs, probed.outputs.classes
            self._rowwise = frozenset(probed.trace.rowwise)
            self._head = probed.trace.head(probed.outputs.width)
            self.channels_last_filters = takes_channels_last(
                self.module, self.input_shape, partial(self._scores_by, rows), probed.scores
            )
        least = 8 * rows[0].numel()
        self.rows_per_batch = rows_fitting(2 * max(probed.trace.largest, least))
        self.rows_per_gradient = rows_fitting(max(probed.trace.total, least))
        self.lay_out()
        assumed = (*probed.assumptions, *self._cut_gradients(rows))
        if self._dtype == torch.float32:
            return assumed
        precision = str(self._dtype).removeprefix("torch.")
        training = " A training in float16 can fail: pass module.float() to train." if precision == "float16" else ""
        return (*assumed, f"The module computes in {precision}: rows are converted, and scores are float32.{training}")

    def _find_writes(self) -> None:
        """Find out if the module writes into its rows: it gets a copy of them then."""
        rows = probing_rows(self.input_shape, self.bounds, self.device)
        with Rng(0).child("writes").torch_globally(self.device):
            self.writes_into_rows = writes_into_rows(self.module, self._pass, rows)

    def _cut_gradients(self, rows: Tensor) -> tuple[str, ...]:
        """Freeze the parameters that never get a gradient; return what is assumed. Find out if rows get one."""
        gradients = find_gradients(self.module, lambda module, x: self._scores_by(x, module), rows)
        self.can = type(self).can if gradients.to_rows else type(self).can - {"gradients"}
        self.freeze_cut(gradients.cut)
        return about_cut(gradients.cut)

    def freeze_cut(self, names: tuple[str, ...]) -> None:
        """Freeze these parameters, which never get a gradient."""
        self.cut = names
        for name, weight in self.module.named_parameters():
            if name in names:
                weight.requires_grad_(False)
        self.frozen = frozen_names(self.module)

    def _advice(self) -> str:
        """Return the input shape and the order of channels that the module accepts, for one that refuses its rows."""
        return advice_on_forward(self.module) or advice_on_channels(self.input_shape, self.channels, self._accepts)

    def _accepts(self, shape: tuple[int, ...], channels: Order) -> bool:
        """True if the module accepts rows of another shape, or in another order of channels."""
        if any(isinstance(value, tuple) and len(value) not in (1, shape[0]) for value in (self.mean, self.std)):
            return False
        trial = copy.copy(self)
        trial.module, trial.channels, trial.input_shape = copied(self.module), channels, shape
        trial._normalise_by(self.mean, self.std)
        with torch.no_grad(), trial.evaluating():
            return trial._takes(probing_rows(shape, self.bounds, self.device))

    def _normalise_by(self, mean: Numbers, std: Numbers) -> None:
        self._mean, self._std = (channelwise(value, self.input_shape) for value in (mean, std))

    def _scores_by(self, rows: Tensor, module: nn.Module) -> Tensor:
        """Return the scores of another module with the same settings."""
        return self._outputs.scores(self._pass(module, rows), len(rows))

    def _pass(self, module: nn.Module, rows: Tensor) -> Any:
        """Return the outputs of another module with the same settings."""
        own, self.module = self.module, module
        try:
            return self.forward(rows)
        finally:
            self.module = own

    def _takes(self, rows: Tensor) -> bool:
        try:
            self.forward(rows)
        except Exception:  # a user's module can raise anything  # noqa: BLE001
            return False
        return True


def _assumptions(bounds: Bounds, mean: object, std: object) -> Iterator[str]:
    if mean is None and std is None:
        yield not_normalised(bounds)


def not_normalised(bounds: Bounds) -> str:
    """Return what is assumed about a module if no mean and no std was given."""
    return f"The module takes rows in {range_in_words(bounds)} without normalisation: no mean or std was given."
