"""Your own network, named in a spec."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from torch import Tensor, nn

from antivenom.errors import SettingsError
from antivenom.importing import import_named
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.files import read_weights
from antivenom.registry import did_you_mean
from antivenom.rng import Rng
from antivenom.settings import Code, component
from antivenom.trial import Trial


@component
class Module:
    """Your own network: a function that returns an `nn.Module`, named by its import path.

    The function receives `input_shape=` and `classes=` if its signature has these names. It runs only with
    `--allow-code`.

    Args:
        factory: the import path: `package.module:function`.
        mean: subtracted from each row before the module; one number, or one number per channel.
        std: the divisor of each row after that; one number, or one number per channel.
        outputs: the outputs of the module: `logits` or `probabilities`.
        weights: the file of the first weights, `.safetensors` or a state dict in `.pt`; new weights if omitted.
    """

    trial = Trial(settings={"factory": "antivenom.testing:toy_network"})

    factory: Annotated[str, Code()]
    mean: float | tuple[float, ...] | None = None
    std: float | tuple[float, ...] | None = None
    outputs: Literal["logits", "probabilities"] = "logits"
    weights: str | None = None

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
        factory = self._factory({"input_shape": input_shape, "classes": classes})
        new = ModuleClassifier(
            factory(rng),
            input_shape=input_shape,
            bounds=bounds,
            mean=self.mean,
            std=self.std,
            outputs=self.outputs,
            factory=factory,
        )
        if new.classes != classes:
            raise SettingsError([f"{self.factory} must make {classes} classes, as the data has; got {new.classes}."])
        return new

    def _factory(self, given: dict[str, Any]) -> Callable[[Rng], nn.Module]:
        """Return a factory that makes the module from a stream, with those arguments that its function has."""
        make = import_named(self.factory)
        try:
            named = inspect.signature(make).parameters
        except (TypeError, ValueError) as error:
            raise SettingsError([f"{self.factory} must be a function that returns an nn.Module."]) from error
        arguments = {name: value for name, value in given.items() if name in named}
        start = None if self.weights is None else read_weights(self.weights)

        def factory(stream: Rng) -> nn.Module:
            with stream.torch_globally():
                module = make(**arguments)
            if not isinstance(module, nn.Module):
                raise SettingsError([f"{self.factory} must return an nn.Module; got {type(module).__name__}."])
            return module if start is None else _with_weights(module, start, str(self.weights))

        return factory


def _with_weights(module: nn.Module, weights: dict[str, Tensor], file: str) -> nn.Module:
    """Load weights into the module and return it. Both must have the same names and shapes."""
    own = module.state_dict()
    problems = [f"{file} has no '{name}'.{did_you_mean(name, weights)}" for name in own if name not in weights]
    problems += [f"{file} has '{name}', which the module does not have." for name in weights if name not in own]
    problems += [
        f"{file}: '{name}' must have the shape {tuple(value.shape)}; got {tuple(weights[name].shape)}."
        for name, value in own.items()
        if name in weights and weights[name].shape != value.shape
    ]
    if problems:
        raise SettingsError(problems)
    module.load_state_dict(weights)
    return module
