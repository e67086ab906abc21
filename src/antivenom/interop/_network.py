"""A classifier with the methods that classifiers of the Adversarial Robustness Toolbox (ART) have."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.interop._activations import name_of_layer, names_of_layers, output_of_layer
from antivenom.interop._inputs import Array, class_numbers
from antivenom.interop._origin import Origin
from antivenom.interop._training import fit_keras, is_compiled_keras
from antivenom.interop.art_settings import ArtSettings, count
from antivenom.models import Classifier, Filtered, ModuleClassifier, as_module
from antivenom.models.channels import IMAGE_AXES, turned
from antivenom.settings.taken_rows import check_rows


class ArtNetwork:
    """A network that predicts and trains. Inputs and outputs are NumPy arrays.

    Rows have the format of the wrapped model: images have their channels last if a Keras model or ART's
    `PyTorchClassifier(channels_first=False)` takes them so. Labels are class numbers (n) or one-hot (n, classes).

    Attributes:
        settings: the settings of the scan.
        verdict: the verdict of the last scan, or None before the first scan.
    """

    def __init__(self, origin: Origin, settings: ArtSettings) -> None:
        self._origin, self.settings = origin, settings
        self._current: Classifier | None = origin.classifier
        self._optimizer_of: tuple[ModuleClassifier, torch.optim.Optimizer] | None = None
        self._notes: tuple[str, ...] = ()
        self.verdict: Verdict | None = None
        self._scan_key: str | None = None

    def __repr__(self) -> str:
        name = type(self._origin.module).__name__ if self._current is None else self._current.name
        return f"Cleansed({name}, {self.settings})"

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions about the model and its repairs, one sentence each; empty before the first rows arrive."""
        return (() if self._current is None else self._current.assumptions) + self._notes

    def _classifier(self, x: Array) -> Classifier:
        """Return the classifier that predicts. The first rows define the input shape if the model does not state it."""
        if self._current is None:
            self._origin = self._origin.with_shape(tuple(np.shape(x)[1:]))
            assert self._origin.classifier is not None
            self._set_classifier(self._origin.classifier)
        assert self._current is not None
        return self._current

    def _set_classifier(self, classifier: Classifier) -> None:
        self._current = classifier

    def _network(self, x: Array) -> ModuleClassifier:
        """Return the network without its filters."""
        return without_filters(self._classifier(x))

    def _to_tensor(self, x: Array) -> Tensor:
        """Return rows as a tensor with channels first.

        Raises:
            DataError: the rows do not have the shape that the wrapped model takes.
        """
        self._classifier(x)
        shape, last = tuple(np.shape(x)[1:]), self._origin.channels_last
        expected = self._origin.stated_shape
        if shape != expected:
            order = f" Its images have their channels {'last' if last else 'first'}."
            turned_rows = len(expected) == IMAGE_AXES and not last and turned(shape) == expected
            raise DataError(
                f"x must have rows of shape {expected}, as the classifier takes; got rows of shape {shape}."
                + (order if len(expected) == IMAGE_AXES else "")
                + (" Pass x.transpose(0, 3, 1, 2)." if turned_rows else "")
            )
        rows = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
        return rows.movedim(-1, 1).contiguous() if last else rows

    def _to_array(self, x: Tensor) -> Array:
        """Return rows as an array in the format of the wrapped model."""
        return np.asarray((x.movedim(1, -1) if self._origin.channels_last and x.ndim > 2 else x).cpu().numpy())

    def _data(self, x: Array, y: Array) -> Dataset:
        """Return rows and labels as a data set. Values outside the range by rounding are moved into it.

        Raises:
            DataError: rows and labels do not match, or rows do not fit the network.
        """
        network, rows = self._network(x), self._to_tensor(x)
        check_rows(network, rows, None, "x")
        rows = rows if network.bounds is None else rows.clamp(*network.bounds)
        return Dataset(
            x=rows,
            y=torch.from_numpy(class_numbers(y, network.classes)),
            ids=torch.arange(len(rows)),
            classes=tuple(map(str, range(network.classes))),
            bounds=network.bounds,
        )

    def predict(self, x: Array, batch_size: int = 128, training_mode: bool = False, **kwargs: Any) -> Array:
        """Return the logits or probabilities of the model (n, classes), or zeros for rows that a filter refuses.

        Args:
            x: the rows.
            batch_size: the number of rows per batch.
            training_mode: must be False, because a cleansed classifier predicts in evaluation mode only.
            kwargs: ignored. ART's attacks pass some.

        Raises:
            CapabilityError: `training_mode` is True.
        """
        if training_mode:
            raise CapabilityError("A cleansed classifier predicts in evaluation mode only. Pass training_mode=False.")
        del kwargs
        classifier, network = self._classifier(x), self._network(x)
        outputs = []
        with torch.no_grad(), network.evaluating():
            for part in self._to_tensor(x).split(batch_size):
                out = network.logits(part.to(network.device))
                out = out.softmax(1) if network.outputs == "probabilities" else out
                if classifier is not network:
                    answered = (classifier.scores(part) != 0).any(1).to(out.device)
                    out = torch.where(answered[:, None], out, torch.zeros_like(out))
                outputs.append(out.cpu())
        return np.asarray(torch.cat(outputs).numpy()) if outputs else np.zeros((0, network.classes), np.float32)

    def abstain(self) -> Array:
        """Return the output of `predict` for a row that a filter refuses: zeros (classes).

        Raises:
            CapabilityError: the number of classes is unknown, because no rows have been predicted yet.
        """
        if self._current is None:
            raise CapabilityError("The number of classes is unknown until the first rows arrive. Call predict first.")
        return np.zeros(self._current.classes, np.float32)

    def fit(self, x: Array, y: Array, batch_size: int = 128, nb_epochs: int = 10, **settings: Any) -> None:
        """Train the current network on all rows, with the optimizer and the loss of the wrapped model.

        Filters stay as they are. The wrapped model does not change. An `nn.Module`, a Keras model that is not compiled
        and a classifier of antivenom state no optimizer: they are trained by Adam on the cross-entropy.

        Args:
            x: the rows.
            y: their labels.
            batch_size: the number of rows per mini-batch.
            nb_epochs: the number of passes over the rows.
            settings: more arguments for `fit` of a compiled Keras model, such as `verbose`; no others are supported.

        Raises:
            SettingsError: a setting is not valid or not supported.
        """
        data, network = self._data(x, y), self._network(x)
        size, passes = count("batch_size", batch_size), count("nb_epochs", nb_epochs)
        rows = (data.inputs(), data.y)
        if is_compiled_keras(network):
            fit_keras(network, rows, size, passes, **settings)
        elif settings:
            raise SettingsError([f"fit of {network.name} supports batch_size and nb_epochs; got {min(settings)!r}."])
        else:
            self._origin.training.fit(network, self._optimizer_for(network), rows, size, passes)

    def _optimizer_for(self, network: ModuleClassifier) -> torch.optim.Optimizer:
        """Return the optimizer of the current network. Its state is kept until a repair changes the network."""
        if self._optimizer_of is None or self._optimizer_of[0] is not network:
            self._optimizer_of = network, self._origin.training.build(network.module)
        return self._optimizer_of[1]

    @property
    def layer_names(self) -> list[str]:
        """The names of the layers: of Keras without the last, of PyTorch all that contain no others.

        Raises:
            CapabilityError: the input shape is unknown.
        """
        if self._current is None:
            raise CapabilityError("The layers are unknown until the first rows arrive. Call predict first.")
        return names_of_layers(without_filters(self._current))

    def get_activations(
        self, x: Array | Tensor, layer: int | str, batch_size: int = 128, framework: bool = False
    ) -> Array | Tensor:
        """Return the output of a layer of the current network for each row (n, ...), in the layout of the model.

        Args:
            x: the rows; with `framework`, also a tensor in the layout of the model.
            layer: the name of the layer, or its number in the order of `layer_names`.
            batch_size: the number of rows per batch.
            framework: return a differentiable tensor, from one batch.

        Raises:
            CapabilityError: the network does not have this layer.
        """
        network = self._network(np.asarray(x.detach().cpu()) if isinstance(x, Tensor) else x)
        name = name_of_layer(network, layer)
        if framework:
            rows = x if isinstance(x, Tensor) else torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
            turned_rows = rows.movedim(-1, 1) if self._origin.channels_last else rows
            return output_of_layer(network, turned_rows.to(network.device), name)
        with torch.no_grad():
            parts = [
                output_of_layer(network, part.to(network.device), name).cpu()
                for part in self._to_tensor(np.asarray(x)).split(batch_size)
            ]
        return np.asarray(torch.cat(parts).numpy())


def without_filters(classifier: Classifier) -> ModuleClassifier:
    """Return the network of a classifier without its filters."""
    while isinstance(classifier, Filtered):
        classifier = classifier.classifier
    return as_module(classifier, by="NeuralCleanse")
