"""A classifier that cleanses itself, with the methods of the Adversarial Robustness Toolbox (ART)."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.defences import NeuralCleanse as Scan
from antivenom.defences import RecoveredTriggers, Verdict
from antivenom.defences.neural_cleanse.inversion import Inversion
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.interop._inputs import (
    UNIT,
    Array,
    ClipValues,
    check_clip_values,
    check_supported,
    class_numbers,
    has_channels_last,
    lacks_input_shape,
    to_classifier,
    wrap_model,
)
from antivenom.models import Classifier, Filtered, ModuleClassifier, as_module
from antivenom.models.channels import IMAGE_AXES, turned
from antivenom.models.identity import weights_digest
from antivenom.models.predict import predictions
from antivenom.repairs import Filtering, Pruning, Repair, Unlearning
from antivenom.repairs._repair import apply_repair
from antivenom.rng import Rng
from antivenom.settings.finite_scores import check_probe
from antivenom.settings.taken_rows import check_rows

REPAIRS: dict[str, Repair] = {"unlearning": Unlearning(), "pruning": Pruning(), "filtering": Filtering()}
ANOMALY_INDEX_LIMIT = 2.0
"""The paper suspects a class if its anomaly index is above this limit."""


class Cleansed:
    """A classifier that scans itself for a backdoor and repairs itself. Inputs and outputs are NumPy arrays.

    Rows have the format of the wrapped model: images have their channels last if a Keras model or ART's
    `PyTorchClassifier(channels_first=False)` takes them so. Labels are class
    numbers (n) or one-hot (n, classes). Labels in the output have the format of those in the input.

    Attributes:
        verdict: the verdict of the last scan, or None before the first scan.
    """

    def __init__(self, wrapped: Any, scan: Scan, passes: int, clip_values: ClipValues = None) -> None:
        check_supported(wrapped)
        check_clip_values(wrapped, clip_values)
        self._wrapped, self._scan, self._passes, self._clip_values = wrapped, scan, passes, clip_values
        self._repaired: Classifier | None = None if lacks_input_shape(wrapped) else to_classifier(wrapped, clip_values)
        self._channels_last = has_channels_last(wrapped)
        self.verdict: Verdict | None = None
        self._scan_key: str | None = None

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions about the model and its repairs, one sentence each; empty before the first rows arrive."""
        return () if self._repaired is None else self._repaired.assumptions

    def _classifier(self, x: Array) -> Classifier:
        """Return the classifier that predicts. The first rows define the input shape if the model does not state it."""
        if self._repaired is None:
            shape = tuple(np.shape(x)[1:])
            self._repaired = wrap_model(self._wrapped, input_shape=shape, bounds=self._clip_values or UNIT)
        return self._repaired

    def _network(self, x: Array) -> ModuleClassifier:
        """Return the network without its filters."""
        inner = self._classifier(x)
        while isinstance(inner, Filtered):
            inner = inner.classifier
        return as_module(inner, by="NeuralCleanse")

    def _to_tensor(self, x: Array) -> Tensor:
        """Return rows as a tensor with channels first.

        Raises:
            DataError: the rows do not have the shape that the wrapped model takes.
        """
        shape, expected = tuple(np.shape(x)[1:]), self._network(x).input_shape
        expected = (*expected[1:], expected[0]) if self._channels_last else expected
        if shape != expected:
            order = f" Its images have their channels {'last' if self._channels_last else 'first'}."
            turned_rows = len(expected) == IMAGE_AXES and not self._channels_last and turned(shape) == expected
            raise DataError(
                f"x must have rows of shape {expected}, as the classifier takes; got rows of shape {shape}."
                + (order if len(expected) == IMAGE_AXES else "")
                + (" Pass x.transpose(0, 3, 1, 2)." if turned_rows else "")
            )
        rows = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
        return rows.movedim(-1, 1).contiguous() if self._channels_last else rows

    def _to_array(self, x: Tensor) -> Array:
        """Return rows as an array in the format of the wrapped model."""
        return np.asarray((x.movedim(1, -1) if self._channels_last else x).cpu().numpy())

    def _data(self, x: Array, y: Array) -> Dataset:
        """Return rows and labels as a data set.

        Raises:
            DataError: rows and labels do not match, or rows do not fit the network.
        """
        network, rows = self._network(x), self._to_tensor(x)
        check_rows(network, rows, None, "x")
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
                answered = (classifier.scores(part) != 0).any(1).to(out.device)
                outputs.append(torch.where(answered[:, None], out, torch.zeros_like(out)).cpu())
        return np.asarray(torch.cat(outputs).numpy()) if outputs else np.zeros((0, network.classes), np.float32)

    def abstain(self) -> Array:
        """Return the output of `predict` for a row that a filter refuses: zeros (classes).

        Raises:
            CapabilityError: the number of classes is unknown, because no rows have been predicted yet.
        """
        if self._repaired is None:
            raise CapabilityError("The number of classes is unknown until the first rows arrive. Call predict first.")
        return np.zeros(self._repaired.classes, np.float32)

    def mitigate(self, x_val: Array, y_val: Array, mitigation_types: Sequence[str]) -> None:
        """Scan the classifier and apply repairs in the given order. The wrapped model is not changed.

        If the scan flags no class, nothing is repaired: a warning says so, and `assumptions` too.

        Args:
            x_val: clean rows.
            y_val: their labels.
            mitigation_types: names from `unlearning`, `pruning` and `filtering`.

        Raises:
            SettingsError: a name is unknown.
            CapabilityError: the scan flags no class and is inconclusive about one, so nothing is repaired.
        """
        if unknown := [each for each in mitigation_types if each not in REPAIRS]:
            raise SettingsError([f"mitigation_types must be from {', '.join(REPAIRS)}; got {unknown[0]!r}."])
        data = self._data(x_val, y_val)
        verdict = self._scan_once(data, x_val)
        repaired = self._classifier(x_val)
        for number, name in enumerate(mitigation_types):
            rng = Rng(0).child("mitigate", number)
            repaired = apply_repair(REPAIRS[name], repaired, data, rng=rng, verdict=verdict).result
        self._set_classifier(repaired)
        if mitigation_types and not verdict.is_suspicious:
            warnings.warn(f"mitigate changed nothing: {verdict.summary()}.", UserWarning, stacklevel=2)

    def outlier_detection(self, x_val: Array, y_val: Array, rule: str = "p_value") -> list[tuple[int, Array, Array]]:
        """Return the suspected classes, each with its recovered mask and pattern, the most suspicious first.

        Args:
            x_val: clean rows.
            y_val: their labels.
            rule: `p_value`, with a family-wise false-alarm rate of 5 %; or `paper`, an anomaly index above 2.

        Raises:
            SettingsError: the rule is unknown.
        """
        if rule not in ("p_value", "paper"):
            raise SettingsError([f"rule must be 'p_value' or 'paper'; got {rule!r}."])
        verdict = self._scan_once(self._data(x_val, y_val), x_val)
        suspected = verdict.suspected
        if rule == "paper":
            index = verdict.details["anomaly_index"].nan_to_num(nan=0.0)
            suspected = tuple(int(each) for each in index.argsort(descending=True) if index[each] > ANOMALY_INDEX_LIMIT)
        triggers = recovered_triggers(verdict)
        return [(each, *self._trigger(triggers.mask(each), triggers.pattern(each))) for each in suspected]

    def backdoor_examples(self, x_val: Array, y_val: Array) -> tuple[Array, Array, Array]:
        """Return rows of all classes but each suspected class: clean, with its trigger, and their true labels."""
        data, y = self._data(x_val, y_val), np.asarray(y_val)
        verdict = self._scan_once(data, x_val)
        triggers, examples = recovered_triggers(verdict), list[tuple[Array, Array, Array]]()
        for target in verdict.suspected:
            others = torch.nonzero(data.y != target).flatten()
            rows = data.inputs(others)
            examples.append((self._to_array(rows), self._to_array(triggers.apply(rows, target)), y[others.numpy()]))
        if not examples:
            empty = self._to_array(data.inputs(slice(0, 0)))
            return empty, empty, y[:0]
        clean, triggered, labels = (np.concatenate(each) for each in zip(*examples, strict=True))
        return clean, triggered, labels

    def generate_backdoor(self, x_val: Array, y_val: Array, y_target: Array) -> tuple[Array, Array]:
        """Return the smallest mask and the pattern that send rows to a class (one-hot, or its number)."""
        data, network = self._data(x_val, y_val), self._network(x_val)
        check_probe(network, data, "generate_backdoor")
        target = torch.from_numpy(class_numbers(np.asarray(y_target)[None], network.classes))
        inversion = Inversion(network, data, target, self._settings(len(data)), Rng(0).child("scan"))
        inversion.finish(torch.tensor([0]))
        trigger = inversion.result()
        return self._trigger(trigger.masks[0].cpu(), trigger.patterns[0].cpu())

    def check_backdoor_effective(self, backdoor_data: Array, backdoor_labels: Array, enough: float = 0.01) -> bool:
        """Return True if more than a share of rows with a trigger are predicted as the same wrong class.

        Args:
            backdoor_data: rows with a trigger.
            backdoor_labels: their true labels.
            enough: the share, in [0, 1]. A trigger without effect does not exceed it.
        """
        data = self._data(backdoor_data, backdoor_labels)
        predicted = predictions(self._classifier(backdoor_data), data).cpu()
        misclassified = predicted[(predicted != data.y) & (predicted >= 0)]
        return bool(len(misclassified)) and int(misclassified.bincount().max()) > enough * len(data)

    def _trigger(self, mask: Tensor, pattern: Tensor) -> tuple[Array, Array]:
        return self._to_array(mask[None])[0], self._to_array(pattern[None])[0]

    def _settings(self, rows: int) -> Scan:
        """Return the settings of the scan, with the number of passes converted to a number of mini-batches."""
        return replace(self._scan, steps=self._passes * max(1, rows // self._scan.batch_size))

    def _scan_once(self, data: Dataset, x: Array) -> Verdict:
        """Return the verdict on the network. It is reused while the network and the data do not change."""
        if not len(data):
            raise DataError("A scan requires validation rows; got none.")
        network = self._network(x)
        key = f"{data.fingerprint} {weights_digest(network)}"
        if self.verdict is None or key != self._scan_key:
            self.verdict = self._settings(len(data)).scan(network, data, rng=Rng(0).child("scan"))
            self._scan_key = key
        return self.verdict

    def _set_classifier(self, repaired: Classifier) -> None:
        self._repaired = repaired


def recovered_triggers(verdict: Verdict) -> RecoveredTriggers:
    """Return the triggers of a verdict of Neural Cleanse, which always has some."""
    assert verdict.triggers is not None
    return verdict.triggers
