"""Your own network, named in a spec."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from torch import nn
from torch.nn.parameter import is_lazy

from antivenom.calling import raised
from antivenom.errors import SettingsError
from antivenom.importing import import_named
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.checkpoints import Weights, fitted
from antivenom.models.files import read_weights
from antivenom.models.taking import unwrapped
from antivenom.registry import did_you_mean
from antivenom.rng import Rng
from antivenom.settings import Code, component
from antivenom.trial import Trial

BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
"""The kinds of arguments that can be given by name."""


@component
class Module:
    """Your own network: a function that returns an `nn.Module`, named by its import path.

    The function receives `input_shape=` and `classes=` if its signature has these names. It runs only with
    `--allow-code`.

    Args:
        factory: the import path: `package.module:function`.
        mean: subtracted from each row before the module; one number, or one number per channel.
        std: the divisor of each row after that; one number, or one number per channel.
        channels: the order of the channels that the module takes: `first`, or `last` for images (n, height, width,
            channels).
        outputs: the outputs of the module: `logits` or `probabilities`.
        weights: the file of the first weights, `.safetensors` or a state dict in `.pt`; new weights if omitted.
        weights_part: the keys of the weights in the file, separated by dots, such as `ema` or `state.netC`; required if
            the file has several sets of weights.

    Raises:
        SettingsError: `weights_part` without `weights`.
    """

    trial = Trial(settings={"factory": "antivenom.testing:toy_network"})

    factory: Annotated[str, Code()]
    mean: float | tuple[float, ...] | None = None
    std: float | tuple[float, ...] | None = None
    channels: Literal["first", "last"] = "first"
    outputs: Literal["logits", "probabilities"] = "logits"
    weights: str | None = None
    weights_part: str | None = None

    def __post_init__(self) -> None:
        if self.weights_part is not None and self.weights is None:
            raise SettingsError(
                [f"Module.weights_part requires weights, a file; got {self.weights_part!r} without it."]
            )

    def files(self) -> tuple[Path, ...]:
        """Return the path of the file of weights. Its bytes are part of the result's key."""
        return () if self.weights is None else (Path(self.weights),)

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> ModuleClassifier:
        """Return a classifier with new weights, or with those of the file.

        Raises:
            SettingsError: the function does not return a module for these rows and this number of classes.
        """
        weights = None if self.weights is None else read_weights(self.weights, self.weights_part)
        factory = self._factory({"input_shape": input_shape, "classes": classes}, weights)
        try:
            new = ModuleClassifier(
                factory(rng),
                input_shape=input_shape,
                bounds=bounds,
                mean=self.mean,
                std=self.std,
                channels=self.channels,
                outputs=self.outputs,
                classes=classes,
                factory=factory,
            )
        except SettingsError as error:
            advice = self._advice_on_classes() if any("classes is" in problem for problem in error.problems) else ""
            raise type(error)([f"{problem} {advice}".rstrip() for problem in error.problems]) from error
        if weights is not None:
            starts = f"Trainings start with the weights of {self.weights}."
            new.assumptions += (*fitted(weights, tuple(new.module.state_dict()))[1], starts)
        return new

    def _factory(self, given: dict[str, Any], weights: Weights | None) -> Callable[[Rng], nn.Module]:
        """Return a factory that makes the module from a stream, with those arguments that its function has."""
        make = import_named(self.factory)
        try:
            named = inspect.signature(make).parameters
        except (TypeError, ValueError) as error:
            raise SettingsError([f"{self.factory} must be a function that returns an nn.Module."]) from error
        arguments = {name: value for name, value in given.items() if name in named}
        required = [name for name, each in named.items() if each.default is each.empty and each.kind in BY_NAME]
        if unknown := [name for name in required if name not in given]:
            raise SettingsError(
                [f"{self.factory} requires {', '.join(unknown)}, which it does not get. {self._advice_on_classes()}"]
            )

        def factory(stream: Rng) -> nn.Module:
            with stream.torch_globally():
                try:
                    module = make(**arguments)
                except Exception as error:  # a user's function can raise anything
                    raise SettingsError([f"{self.factory} raised {raised(error, make)}"]) from error
            if not isinstance(module, nn.Module):
                raise SettingsError([f"{self.factory} must return an nn.Module; got {type(module).__name__}."])
            return module if weights is None else _with_weights(module, weights, str(self.weights))

        return factory

    def _advice_on_classes(self) -> str:
        """Return how a function gets the number of classes; an empty text if it gets it."""
        named = inspect.signature(import_named(self.factory)).parameters
        if "classes" in named:
            return ""
        own = ", ".join(named) or "no arguments"
        return f"For the number of classes, the function's argument must be called `classes`; it has {own}."


def _with_weights(module: nn.Module, weights: Weights, file: str) -> nn.Module:
    """Load weights into the module and return it. Both must have the same names and shapes."""
    module = unwrapped(module)[0]
    own = module.state_dict()
    named, _ = fitted(weights, tuple(own))
    problems = [f"{file} has no '{name}'.{did_you_mean(name, named)}" for name in own if name not in named]
    problems += [f"{file} has '{name}', which the module does not have." for name in named if name not in own]
    problems += [
        f"{file}: '{name}' must have the shape {tuple(value.shape)}; got {tuple(named[name].shape)}."
        for name, value in own.items()
        if name in named and not is_lazy(value) and named[name].shape != value.shape
    ]
    if problems:
        raise SettingsError(problems)
    module.load_state_dict(named)
    return module
