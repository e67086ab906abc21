"""A classifier that cleanses itself, with the methods of the Adversarial Robustness Toolbox (ART)."""

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.defences import RecoveredTriggers, Verdict
from antivenom.defences.neural_cleanse.inversion import Inversion
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.interop._configured import ConfiguredNetwork
from antivenom.interop._inputs import Array, class_numbers
from antivenom.models.identity import weights_digest
from antivenom.models.predict import predictions
from antivenom.repairs import Filtering, Pruning, Repair, Unlearning
from antivenom.repairs._repair import apply_repair
from antivenom.rng import Rng
from antivenom.settings.contracts import ChecksItself
from antivenom.settings.finite_scores import check_probe

REPAIRS: dict[str, Repair] = {"unlearning": Unlearning(), "pruning": Pruning(), "filtering": Filtering()}
ANOMALY_INDEX_LIMIT = 2.0
"""The paper suspects a class if its anomaly index is above this limit."""


class Cleansed(ConfiguredNetwork):
    """A classifier that scans itself for a backdoor and repairs itself. Inputs and outputs are NumPy arrays.

    Rows have the format of the wrapped model: images have their channels last if a Keras model or ART's
    `PyTorchClassifier(channels_first=False)` takes them so. Labels are class
    numbers (n) or one-hot (n, classes). Labels in the output have the format of those in the input.
    """

    def mitigate(self, x_val: Array, y_val: Array, mitigation_types: Sequence[str]) -> None:
        """Scan the classifier and apply repairs in the given order. The wrapped model is not changed.

        If the scan flags no class, or could not decide, nothing is repaired: a warning says so, and `assumptions` too.

        Args:
            x_val: clean rows.
            y_val: their labels.
            mitigation_types: names from `unlearning`, `pruning` and `filtering`.

        Raises:
            SettingsError: a name is unknown.
            CapabilityError: the network has no layer that a repair requires.
        """
        if unknown := [each for each in mitigation_types if each not in REPAIRS]:
            raise SettingsError([f"mitigation_types must be from {', '.join(REPAIRS)}; got {unknown[0]!r}."])
        data = self._data(x_val, y_val)
        self._check_repairs(mitigation_types, x_val)
        verdict = self._scan_once(data, x_val)
        if mitigation_types and not verdict.is_suspicious:
            note = f"mitigate changed nothing: {verdict.summary()}."
            self._notes = (*self._notes, note)
            warnings.warn(note, UserWarning, stacklevel=2)
            return
        repaired = self._classifier(x_val)
        for number, name in enumerate(mitigation_types):
            rng = Rng(0).child("mitigate", number)
            repaired = apply_repair(REPAIRS[name], repaired, data, rng=rng, verdict=verdict).result
        self._set_classifier(repaired)

    def _check_repairs(self, names: Sequence[str], x: Array) -> None:
        """Check before the scan that the network has the layers that the repairs require.

        Raises:
            CapabilityError: it does not.
        """
        network = self._network(x)
        for name in names:
            repair = REPAIRS[name]
            if isinstance(repair, ChecksItself) and (problems := list(repair.problems(network))):
                raise CapabilityError(f"{name} is not possible: {problems[0]}")

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

    def backdoor_examples(
        self, x_val: Array, y_val: Array, rows: Literal["others", "target"] = "others"
    ) -> tuple[Array, Array, Array]:
        """Return rows for each suspected class: clean, with its trigger, and their true labels.

        Args:
            x_val: clean rows.
            y_val: their labels.
            rows: `others` for the rows of all other classes, on which the trigger has an effect; `target` for the rows
                of the suspected class itself, as the code of ART chooses them.

        Raises:
            SettingsError: `rows` is unknown.
        """
        if rows not in ("others", "target"):
            raise SettingsError([f"rows must be 'others' or 'target'; got {rows!r}."])
        data, y = self._data(x_val, y_val), np.asarray(y_val)
        verdict = self._scan_once(data, x_val)
        triggers, examples = recovered_triggers(verdict), list[tuple[Array, Array, Array]]()
        for target in verdict.suspected:
            places = torch.nonzero((data.y == target) == (rows == "target")).flatten()
            chosen = data.inputs(places)
            examples.append((self._to_array(chosen), self._to_array(triggers.apply(chosen, target)), y[places.numpy()]))
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
        inversion = Inversion(network, data, target, self.settings.scan(len(data)), Rng(0).child("scan"))
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

    def _scan_once(self, data: Dataset, x: Array) -> Verdict:
        """Return the verdict on the network. It is reused while the network and the data do not change."""
        if not len(data):
            raise DataError("A scan requires validation rows; got none.")
        network = self._network(x)
        key = f"{data.fingerprint} {weights_digest(network)} {self.settings}"
        if self.verdict is None or key != self._scan_key:
            self.verdict = self.settings.scan(len(data)).scan(network, data, rng=Rng(0).child("scan"))
            self._scan_key = key
        return self.verdict


def recovered_triggers(verdict: Verdict) -> RecoveredTriggers:
    """Return the triggers of a verdict of Neural Cleanse, which always has some."""
    assert verdict.triggers is not None
    return verdict.triggers
