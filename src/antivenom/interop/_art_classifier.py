"""A cleansed classifier that is also a classifier of the Adversarial Robustness Toolbox (ART), if it is installed."""

from functools import cache
from typing import Any

from torch import Tensor, nn

from antivenom.interop._cleansed import Cleansed
from antivenom.interop._network import without_filters
from antivenom.interop._origin import Origin
from antivenom.interop.art_settings import ArtSettings
from antivenom.models import Classifier, ModuleClassifier


class ModuleForArt(nn.Module):
    """A module that returns the logits of a classifier, or the outputs of its module.

    Args:
        classifier: the classifier.
        channels_last: True for rows with their channels last.
        raw: return the outputs of the module, which the user's loss takes.
    """

    def __init__(self, classifier: ModuleClassifier, channels_last: bool, raw: bool) -> None:
        super().__init__()
        self.channels_last, self.raw = channels_last, raw
        self.use(classifier)

    def use(self, classifier: ModuleClassifier) -> None:
        """Use this classifier from now on."""
        self.classifier, self.module = classifier, classifier.module

    def forward(self, x: Tensor) -> Any:
        """Return logits (n, classes), or the outputs of the module."""
        rows = x.movedim(-1, 1) if self.channels_last else x
        return self.classifier.forward(rows) if self.raw else self.classifier.logits(rows)


def cleansed(origin: Origin, settings: ArtSettings) -> Cleansed:
    """Return a cleansed classifier. It is also one of ART if ART is installed."""
    return (class_for_art() or Cleansed)(origin, settings)


@cache
def class_for_art() -> type[Cleansed] | None:
    """Return the class of cleansed classifiers that are also classifiers of ART; None if ART is not installed."""
    try:
        from art.estimators.classification import PyTorchClassifier  # noqa: PLC0415 - takes seconds
    except ImportError:  # ART is only needed to run its attacks
        return None

    class CleansedForArt(Cleansed, PyTorchClassifier):  # type: ignore[misc, unused-ignore]
        """A cleansed classifier for ART's attacks, which receive the gradients of its current network."""

        estimator_params = [*Cleansed.estimator_params, *PyTorchClassifier.estimator_params]  # noqa: RUF012 - ART's type

        def __init__(self, origin: Origin, settings: ArtSettings) -> None:
            Cleansed.__init__(self, origin, settings)
            if self._current is not None:
                self._set_classifier(self._current)

        def __reduce__(self) -> tuple[Any, ...]:
            state = {name: vars(self)[name] for name in ("_current", "_notes", "verdict", "_scan_key")}
            return cleansed, (self._origin, self.settings), state

        def __setstate__(self, state: dict[str, Any]) -> None:
            self.__dict__.update({name: value for name, value in state.items() if name != "_current"})
            if state["_current"] is not None:
                self._set_classifier(state["_current"])

        def _set_classifier(self, classifier: Classifier) -> None:
            super()._set_classifier(classifier)
            network = without_filters(classifier)
            if "_model" in vars(self):
                self.model.use(network)
            else:
                self._start_art(network)
            self._optimizer = self._optimizer_for(network)

        def _start_art(self, network: ModuleClassifier) -> None:
            """Initialise ART's part, as soon as the input shape is known."""
            loss, last = self._origin.training.loss, self._origin.channels_last
            PyTorchClassifier.__init__(
                self,
                model=ModuleForArt(network, last, raw=loss is not None),
                loss=nn.CrossEntropyLoss() if loss is None else loss,
                input_shape=self._origin.stated_shape,
                nb_classes=network.classes,
                clip_values=network.bounds,
                channels_first=not last,
                device_type="cpu" if network.device.type == "cpu" else "gpu",
            )
            self._device = network.device  # ART knows only the CPU and the current GPU, and moved the network there
            self.model.to(network.device)

        def get_params(self) -> dict[str, Any]:
            """Return the settings, and ART's parameters as soon as the input shape is known."""
            own = {name: getattr(self, name) for name in Cleansed.estimator_params}
            theirs = PyTorchClassifier.estimator_params if "_model" in vars(self) else ()
            return {**own, **{name: getattr(self, name) for name in theirs}}

        def __getattr__(self, name: str) -> Any:
            text = f"'Cleansed' has no attribute {name!r}."
            if vars(self).get("_current") is None:
                text += " The input shape is unknown until the first rows arrive: pass input_shape to NeuralCleanse."
            raise AttributeError(text)

    return CleansedForArt
