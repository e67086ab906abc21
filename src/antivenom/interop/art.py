"""Neural Cleanse as users of the Adversarial Robustness Toolbox (ART) know it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from antivenom.data import Dataset
from antivenom.defences import NeuralCleanse as Scan
from antivenom.defences import RecoveredTriggers, Verdict
from antivenom.defences.neural_cleanse._inversion import Inversion, Norm
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.interop._taken import Array, check_taken, either, has_channels_last, is_shapeless, numbers, taken
from antivenom.models import Classifier, Filtered, ModuleClassifier, as_module, is_module
from antivenom.models.identity import weights_digest
from antivenom.models.predict import predictions
from antivenom.repairs import Filtering, Pruning, Repair, Unlearning
from antivenom.repairs._repair import apply_repair
from antivenom.rng import Rng

NORMS: dict[float, Norm] = {1: "l1", 2: "l2", math.inf: "linf"}
REPAIRS: dict[str, Repair] = {"unlearning": Unlearning(), "pruning": Pruning(), "filtering": Filtering()}
INDEX = 2.0
"""The anomaly index above which the paper calls a class an outlier."""


class NeuralCleanse:
    """The transformer: called with a classifier and settings, it gives a new classifier that can cleanse itself.

    Wang et al., *Neural Cleanse* (2019), by `antivenom.defences.NeuralCleanse`; the original is never changed. Where
    ART is installed, the new classifier is one of ART's `PyTorchClassifier`s too, so that ART's attacks run on it.

    Args:
        classifier: antivenom's, an `nn.Module` for rows in [0, 1] (others through `antivenom.models.as_classifier`), a
            Keras 3 model on the torch backend, or ART's `PyTorchClassifier`.

    Raises:
        CapabilityError: it is none of these.

    >>> from torch import nn
    >>> import numpy as np
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    >>> cleansed = NeuralCleanse(net)(net, steps=3)
    >>> x, y = np.random.default_rng(0).random((40, 1, 8, 8), np.float32), np.arange(40) % 4
    >>> cleansed.mitigate(x, y, ["unlearning", "filtering"])
    >>> cleansed.predict(x).shape
    (40, 4)
    """

    params = (
        "steps",
        "init_cost",
        "norm",
        "learning_rate",
        "attack_success_threshold",
        "patience",
        "early_stop",
        "early_stop_threshold",
        "early_stop_patience",
        "cost_multiplier",
        "batch_size",
    )

    def __init__(self, classifier: Any) -> None:
        check_taken(classifier)
        self.classifier = classifier
        self.is_fitted = False

    def __call__(
        self,
        transformed_classifier: Any,
        steps: int = 1000,
        init_cost: float = 1e-3,
        norm: float = 2,
        learning_rate: float = 0.1,
        attack_success_threshold: float = 0.99,
        patience: int = 5,
        early_stop: bool = True,
        early_stop_threshold: float = 0.99,
        early_stop_patience: int = 10,
        cost_multiplier: float = 1.5,
        batch_size: int = 32,
    ) -> "Cleansed":
        """A new classifier with `mitigate` and the rest.

        Args:
            transformed_classifier: the classifier to cleanse.
            steps: the largest number of passes over the validation rows.
            init_cost: the norm's cost, once the trigger has worked without any.
            norm: which norm of the mask is minimised: 1, 2 or infinity.
            learning_rate: Adam's.
            attack_success_threshold: the share of rows that a trigger must send to its class.
            patience: after how many mini-batches in a row in which the trigger works, or fails, the cost changes.
            early_stop: whether a class is done when its mask has stopped becoming smaller.
            early_stop_threshold: a mask is smaller if its norm is below the best norm times this.
            early_stop_patience: after how many mini-batches without a smaller mask it stops.
            cost_multiplier: the cost is multiplied by it, and divided by its power of 1.5.
            batch_size: rows a mini-batch.

        Raises:
            SettingsError: a setting is not valid.
            CapabilityError: the classifier is not supported.
        """
        if norm not in NORMS:
            raise SettingsError([f"norm must be 1, 2 or infinity; got {norm}."])
        scan = Scan(
            init_cost=init_cost,
            norm=NORMS[norm],
            learning_rate=learning_rate,
            attack_success_threshold=attack_success_threshold,
            patience=patience,
            early_stop=early_stop,
            early_stop_threshold=early_stop_threshold,
            early_stop_patience=early_stop_patience,
            cost_multiplier=cost_multiplier,
            batch_size=batch_size,
        )
        if steps < 1:
            raise SettingsError([f"steps must be at least 1; got {steps}."])
        return _made(transformed_classifier, scan, steps)

    def fit(self, x: Array, y: Array | None = None, **kwargs: Any) -> None:
        """Do nothing: there is nothing to fit."""


class Cleansed:
    """A classifier that looks for a backdoor in itself, and repairs itself. NumPy in, NumPy out.

    Rows are as the wrapped model takes them: a Keras model that has its channels last gets, and gives, such rows.
    Labels are class numbers (n) or one-hot (n, classes); the output has the form of the input.

    Attributes:
        verdict: what the last scan found; None before the first.
    """

    def __init__(self, wrapped: Any, scan: Scan, passes: int) -> None:
        check_taken(wrapped)
        self._wrapped, self._scan, self._passes = wrapped, scan, passes
        self._repaired: Classifier | None = None if is_shapeless(wrapped) else taken(wrapped)
        self._turned = has_channels_last(wrapped)
        self.verdict: Verdict | None = None
        self._scanned_for: str | None = None

    def _classifier(self, x: Array) -> Classifier:
        """The classifier that predicts; made at the first rows where the model does not state its input shape."""
        if self._repaired is None:
            self._repaired = either(self._wrapped, input_shape=tuple(np.shape(x)[1:]))
        return self._repaired

    def _network(self, x: Array) -> ModuleClassifier:
        """The network, without any filter."""
        inner = self._classifier(x)
        while isinstance(inner, Filtered):
            inner = inner.classifier
        return as_module(inner, by="NeuralCleanse")

    def _rows(self, x: Array) -> Tensor:
        """Rows as antivenom has them."""
        rows = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
        return rows.movedim(-1, 1).contiguous() if self._turned else rows

    def _back(self, x: Tensor) -> Array:
        """Rows as the model takes them."""
        return np.asarray((x.movedim(1, -1) if self._turned else x).cpu().numpy())

    def _data(self, x: Array, y: Array) -> Dataset:
        """Rows and labels as a data set.

        Raises:
            DataError: they do not fit together, or rows lie outside the network's bounds.
        """
        network = self._network(x)
        labels = numbers(y, network.classes)
        names = tuple(map(str, range(network.classes)))
        return Dataset.from_arrays(self._rows(x), labels, classes=names, bounds=network.bounds)

    def predict(self, x: Array, batch_size: int = 128, training_mode: bool = False, **kwargs: Any) -> Array:
        """What the model gives for rows (n, classes), logits or probabilities; zeros where a filter abstains.

        Args:
            x: rows.
            batch_size: rows at once.
            training_mode: must be false: a cleansed classifier answers as it would in use.
            kwargs: nothing; ART's attacks pass some.

        Raises:
            CapabilityError: in training mode.
        """
        if training_mode:
            raise CapabilityError("A cleansed classifier predicts in evaluation mode only.")
        del kwargs
        classifier, network = self._classifier(x), self._network(x)
        given = []
        with torch.no_grad(), network.evaluating():
            for part in self._rows(x).split(batch_size):
                out = network.logits(part.to(network.device))
                out = out.softmax(1) if network.outputs == "probabilities" else out
                answered = (classifier.scores(part) != 0).any(1).to(out.device)
                given.append(torch.where(answered[:, None], out, torch.zeros_like(out)).cpu())
        return np.asarray(torch.cat(given).numpy()) if given else np.zeros((0, network.classes), np.float32)

    def abstain(self) -> Array:
        """What `predict` gives for a row that it does not answer.

        Raises:
            CapabilityError: before the first rows, where the model does not state its number of classes.
        """
        if self._repaired is None:
            raise CapabilityError("The number of classes is known after the first rows. Call predict first.")
        return np.zeros(self._repaired.classes, np.float32)

    def mitigate(self, x_val: Array, y_val: Array, mitigation_types: Sequence[str]) -> None:
        """Scan, and apply the repairs in this order; the wrapped model is not changed.

        Args:
            x_val: clean rows.
            y_val: their labels.
            mitigation_types: of `unlearning`, `pruning` and `filtering`.

        Raises:
            SettingsError: the type is unknown.
        """
        if unknown := [each for each in mitigation_types if each not in REPAIRS]:
            raise SettingsError([f"mitigation_types must be of {', '.join(REPAIRS)}; got {unknown[0]!r}."])
        data = self._data(x_val, y_val)
        verdict = self._scanned(data, x_val)
        repaired = self._classifier(x_val)
        for number, name in enumerate(mitigation_types):
            rng = Rng(0).child("mitigate", number)
            repaired = apply_repair(REPAIRS[name], repaired, data, rng=rng, verdict=verdict).result
        self._use(repaired)

    def outlier_detection(self, x_val: Array, y_val: Array, rule: str = "p_value") -> list[tuple[int, Array, Array]]:
        """The suspected classes, each with its recovered mask and pattern, the most suspicious first.

        Args:
            x_val: clean rows.
            y_val: their labels.
            rule: `p_value`, at a family-wise false-alarm rate of 5 %, or `paper`: an anomaly index above 2.
        """
        if rule not in ("p_value", "paper"):
            raise SettingsError([f"rule must be 'p_value' or 'paper'; got {rule!r}."])
        verdict = self._scanned(self._data(x_val, y_val), x_val)
        found = verdict.suspected
        if rule == "paper":
            index = verdict.details["anomaly_index"].nan_to_num(nan=0.0)
            found = tuple(int(each) for each in index.argsort(descending=True) if index[each] > INDEX)
        triggers = triggers_of(verdict)
        return [(each, *self._trigger(triggers.mask(each), triggers.pattern(each))) for each in found]

    def backdoor_examples(self, x_val: Array, y_val: Array) -> tuple[Array, Array, Array]:
        """Rows of other classes than each suspected one: as they are, with its trigger, and their true labels."""
        data, y = self._data(x_val, y_val), np.asarray(y_val)
        verdict = self._scanned(data, x_val)
        found: list[tuple[Array, Array, Array]] = []
        for target in verdict.suspected:
            others = torch.nonzero(data.y != target).flatten()
            rows = data.inputs(others)
            found.append((self._back(rows), self._back(triggers_of(verdict).apply(rows, target)), y[others.numpy()]))
        if not found:
            nothing = self._back(data.inputs(slice(0, 0)))
            return nothing, nothing, y[:0]
        clean, triggered, labels = (np.concatenate(each) for each in zip(*found, strict=True))
        return clean, triggered, labels

    def generate_backdoor(self, x_val: Array, y_val: Array, y_target: Array) -> tuple[Array, Array]:
        """The smallest mask, and its pattern, that send rows to a class (one-hot, or its number)."""
        data, network = self._data(x_val, y_val), self._network(x_val)
        target = torch.from_numpy(numbers(np.asarray(y_target)[None], network.classes))
        inversion = Inversion(network, data, target, self._settings(len(data)), Rng(0).child("scan"))
        inversion.finish(torch.tensor([0]))
        found = inversion.result()
        return self._trigger(found.masks[0].cpu(), found.patterns[0].cpu())

    def check_backdoor_effective(self, backdoor_data: Array, backdoor_labels: Array, enough: float = 0.01) -> bool:
        """Whether more than this share of rows with a trigger are taken for one and the same wrong class.

        Args:
            backdoor_data: rows with a trigger.
            backdoor_labels: their true labels.
            enough: the share that a trigger without effect still reaches.
        """
        data = self._data(backdoor_data, backdoor_labels)
        predicted = predictions(self._classifier(backdoor_data), data).cpu()
        misclassified = predicted[(predicted != data.y) & (predicted >= 0)]
        return bool(len(misclassified)) and int(misclassified.bincount().max()) > enough * len(data)

    def _trigger(self, mask: Tensor, pattern: Tensor) -> tuple[Array, Array]:
        return self._back(mask[None])[0], self._back(pattern[None])[0]

    def _settings(self, rows: int) -> Scan:
        """The scan's settings, with the limit of passes as one of mini-batches."""
        return replace(self._scan, steps=self._passes * max(1, rows // self._scan.batch_size))

    def _scanned(self, data: Dataset, x: Array) -> Verdict:
        if not len(data):
            raise DataError("A scan requires validation rows; got none.")
        network = self._network(x)
        asked = f"{data.fingerprint} {weights_digest(network)}"
        if self.verdict is None or asked != self._scanned_for:
            self.verdict = self._settings(len(data)).scan(network, data, rng=Rng(0).child("scan"))
            self._scanned_for = asked
        return self.verdict

    def _use(self, repaired: Classifier) -> None:
        self._repaired = repaired


def triggers_of(verdict: Verdict) -> RecoveredTriggers:
    """The triggers that Neural Cleanse recovered, which it always does."""
    assert verdict.triggers is not None
    return verdict.triggers


class Logits(nn.Module):
    """What a classifier gives, as a module."""

    def __init__(self, classifier: ModuleClassifier) -> None:
        super().__init__()
        self.turned = False
        self.use(classifier)

    def use(self, classifier: ModuleClassifier) -> None:
        """Answer by this classifier from now on."""
        self.classifier, self.module = classifier, classifier.module

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes)."""
        return self.classifier.logits(x.movedim(-1, 1) if self.turned else x)


def _made(wrapped: Any, scan: Scan, passes: int) -> Cleansed:
    """A cleansed classifier, one of ART's where ART is installed and the model says what rows it takes."""
    if is_shapeless(wrapped):
        return Cleansed(wrapped, scan, passes)
    try:
        from art.estimators.classification import PyTorchClassifier  # noqa: PLC0415 - takes seconds
    except ImportError:  # ART is not needed for anything but its attacks
        return Cleansed(wrapped, scan, passes)

    class CleansedForArt(Cleansed, PyTorchClassifier):  # type: ignore[misc, unused-ignore]
        """The same, for ART's attacks: their gradients are those of the network as it stands."""

        def __init__(self) -> None:
            Cleansed.__init__(self, wrapped, scan, passes)
            first = self._repaired
            assert first is not None and is_module(first)
            answering = Logits(first)
            answering.turned = self._turned
            shape = first.input_shape
            PyTorchClassifier.__init__(
                self,
                model=answering,
                loss=nn.CrossEntropyLoss(),
                input_shape=(*shape[1:], shape[0]) if self._turned else shape,
                nb_classes=first.classes,
                clip_values=first.bounds,
                channels_first=not self._turned,
                device_type="cpu" if first.device.type == "cpu" else "gpu",
            )

        def _use(self, repaired: Classifier) -> None:
            super()._use(repaired)
            self.model.use(self._network(np.zeros(0)))

    return CleansedForArt()
