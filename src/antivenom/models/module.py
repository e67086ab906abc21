"""A network of your own, named in a spec."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from torch import Tensor, nn

from antivenom.errors import SettingsError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.files import read_weights
from antivenom.registry import did_you_mean, import_named
from antivenom.rng import Rng
from antivenom.settings import Code, component
from antivenom.trial import Trial


@component
class Module:
    """A network of your own: a function that makes an `nn.Module`, named by its import path.

    The function is called with `input_shape=` and `classes=` where its signature has these names. It runs only with
    `--allow-code`.

    Args:
        factory: `package.module:function`.
        mean: subtracted from each channel before the module sees a row.
        std: each channel is divided by it after that.
        outputs: what the module gives.
        weights: a file of weights, `.safetensors` or a state dict in `.pt`, that it starts with; new ones if left out.
    """

    trial = Trial(settings={"factory": "antivenom.testing:toy_network"})

    factory: Annotated[str, Code()]
    mean: float | tuple[float, ...] | None = None
    std: float | tuple[float, ...] | None = None
    outputs: Literal["logits", "probabilities"] = "logits"
    weights: str | None = None

    def files(self) -> tuple[Path, ...]:
        """The file of weights: its bytes are part of what is made with it."""
        return () if self.weights is None else (Path(self.weights),)

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> ModuleClassifier:
        """An untrained classifier.

        Raises:
            SettingsError: the function does not make a module for such rows and so many classes.
        """
        factory = self._factory({"input_shape": input_shape, "classes": classes})
        made = ModuleClassifier(
            factory(rng),
            input_shape=input_shape,
            bounds=bounds,
            mean=self.mean,
            std=self.std,
            outputs=self.outputs,
            factory=factory,
        )
        if made.classes != classes:
            raise SettingsError([f"{self.factory} makes a module for {made.classes} classes; the data has {classes}."])
        return made

    def _factory(self, given: dict[str, Any]) -> Callable[[Rng], nn.Module]:
        """Makes the module from a stream, with what its function takes of `given`."""
        make = import_named(self.factory)
        try:
            named = inspect.signature(make).parameters
        except (TypeError, ValueError) as error:
            raise SettingsError([f"{self.factory} is not a function that makes an nn.Module."]) from error
        taken = {name: value for name, value in given.items() if name in named}
        start = None if self.weights is None else read_weights(self.weights)

        def factory(stream: Rng) -> nn.Module:
            with stream.torch_globally():
                module = make(**taken)
            if not isinstance(module, nn.Module):
                raise SettingsError([f"{self.factory} must make an nn.Module; got {type(module).__name__}."])
            return module if start is None else _with_weights(module, start, str(self.weights))

        return factory


def _with_weights(module: nn.Module, weights: dict[str, Tensor], file: str) -> nn.Module:
    """The module itself with these weights, every name of both on the other's side."""
    own = module.state_dict()
    problems = [f"{file} has no '{name}'.{did_you_mean(name, weights)}" for name in own if name not in weights]
    problems += [f"{file} has '{name}', which the module does not have." for name in weights if name not in own]
    problems += [
        f"{file}: '{name}' has the shape {tuple(weights[name].shape)}, the module's {tuple(value.shape)}."
        for name, value in own.items()
        if name in weights and weights[name].shape != value.shape
    ]
    if problems:
        raise SettingsError(problems)
    module.load_state_dict(weights)
    return module
