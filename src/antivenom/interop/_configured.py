"""The settings of a cleansed classifier as attributes, its copies, and what its filters use."""

from dataclasses import replace
from typing import Any, ClassVar, Self

import torch

from antivenom.errors import CapabilityError, SettingsError
from antivenom.interop._network import ArtNetwork
from antivenom.interop.art_settings import DOWN_EXPONENT, SETTINGS, Setting
from antivenom.models import Filtered
from antivenom.repairs.filtering import ActivationFilter
from antivenom.rng import Rng

SEEDS = 1 << 31

RESULT_SETTINGS = (*(name for name in SETTINGS if name != "cost_multiplier"), "cost_multiplier_up")
"""The settings that are attributes of a result, without `cost_multiplier_down`, which follows from another."""


class ConfiguredNetwork(ArtNetwork):
    """A network whose settings are attributes, by ART's names.

    Attributes:
        steps, init_cost, norm, learning_rate, attack_success_threshold, patience, early_stop, early_stop_threshold,
            early_stop_patience, cost_multiplier_up, cost_multiplier_down, batch_size: the settings by ART's names.
            All but `cost_multiplier_down` can be set.
    """

    steps, init_cost, norm = Setting("steps"), Setting("init_cost"), Setting("norm")
    learning_rate, batch_size = Setting("learning_rate"), Setting("batch_size")
    attack_success_threshold = Setting("attack_success_threshold")
    patience, early_stop = Setting("patience"), Setting("early_stop")
    early_stop_threshold, early_stop_patience = Setting("early_stop_threshold"), Setting("early_stop_patience")
    cost_multiplier_up, cost_multiplier_down = Setting("cost_multiplier"), Setting("cost_multiplier", DOWN_EXPONENT)
    estimator_params: ClassVar[Any] = [*RESULT_SETTINGS, "cost_multiplier_down"]

    def __getstate__(self) -> dict[str, Any]:
        """Return what `pickle` and `copy` keep: all but the optimizer. Python must be able to pickle the model."""
        return {**vars(self), "_optimizer_of": None}

    @property
    def top_indices(self) -> list[int]:
        """The units of the last hidden layer by which filters decide; empty without a filter."""
        return [int(unit) for gate in self._filters() for profile in gate.profiles for unit in profile.units]

    @property
    def activation_threshold(self) -> float:
        """The smallest threshold of the filters: of a weighted sum of units, in standard deviations; 0 without any."""
        return min((gate.threshold for gate in self._filters()), default=0.0)

    def _filters(self) -> list[ActivationFilter]:
        filters, inner = [], self._current
        while isinstance(inner, Filtered):
            if isinstance(inner.gate, ActivationFilter):
                filters.append(inner.gate)
            inner = inner.classifier
        return filters

    def get_params(self) -> dict[str, Any]:
        """Return the settings by ART's names."""
        return {name: getattr(self, name) for name in self.estimator_params}

    def set_params(self, **settings: Any) -> None:
        """Change settings, by the names of the attributes or `cost_multiplier`. The next scan uses them.

        Raises:
            SettingsError: a name is not one of a setting, or a value is not valid.
        """
        names = (*RESULT_SETTINGS, "cost_multiplier_down", "cost_multiplier")
        if unknown := [name for name in settings if name not in names]:
            raise SettingsError([f"set_params changes {', '.join(names)}; got {unknown[0]!r}, which is fixed."])
        down = settings.pop("cost_multiplier_down", None)
        up = settings.pop("cost_multiplier_up", settings.get("cost_multiplier"))
        given = settings if up is None else {**settings, "cost_multiplier": up}
        before, self.settings = self.settings, self.settings.changed(**given)
        try:
            if down is not None:
                self.cost_multiplier_down = down
        except SettingsError:
            self.settings = before
            raise

    def reset(self) -> None:
        """Forget the last scan. The weights do not change: `clone_for_refitting` returns new ones."""
        self.verdict = self._scan_key = None

    def clone_for_refitting(self) -> Self:
        """Return a copy with new weights, from torch's global generator, without filters and without a verdict.

        Its `fit` uses the same loss and a new optimizer with the same settings.

        Raises:
            CapabilityError: the input shape is unknown, or a layer cannot draw new weights.
        """
        if self._origin.classifier is None:
            raise CapabilityError("The input shape is unknown until the first rows arrive. Call predict first.")
        rng = Rng(int(torch.randint(SEEDS, ())))
        return type(self)(replace(self._origin, classifier=self._origin.classifier.fresh(rng)), self.settings)
