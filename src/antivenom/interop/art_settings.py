"""The settings of ART's Neural Cleanse, by ART's names, and their translation to a scan."""

import math
import operator
from dataclasses import asdict, dataclass, replace
from typing import Any

from antivenom.defences import NeuralCleanse as Scan
from antivenom.defences.neural_cleanse.search_settings import Norm
from antivenom.errors import SettingsError

NORMS: dict[float, Norm] = {1: "l1", 2: "l2", math.inf: "linf"}
COUNTS = ("steps", "patience", "early_stop_patience", "batch_size")
DOWN_EXPONENT = 1.5
"""The cost decreases by the multiplier to this power."""


@dataclass(frozen=True, kw_only=True)
class ArtSettings:
    """The settings of ART's Neural Cleanse, with its defaults. Counts are passes over the validation rows.

    Attributes:
        steps, init_cost, norm, learning_rate, attack_success_threshold, patience, early_stop, early_stop_threshold,
            early_stop_patience, cost_multiplier, batch_size: see `antivenom.interop.art.NeuralCleanse`.

    Raises:
        SettingsError: a value is not valid.

    >>> ArtSettings().scan(rows=1000).patience, ArtSettings().scan(rows=1000).evaluate_every
    (5, 31)
    """

    steps: int = 1000
    init_cost: float = 1e-3
    norm: float = 2
    learning_rate: float = 0.1
    attack_success_threshold: float = 0.99
    patience: int = 5
    early_stop: bool = True
    early_stop_threshold: float = 0.99
    early_stop_patience: int = 10
    cost_multiplier: float = 1.5
    batch_size: int = 32

    def __post_init__(self) -> None:
        for name in COUNTS:
            object.__setattr__(self, name, count(name, getattr(self, name)))
        if not any(self.norm == each for each in NORMS):
            raise SettingsError([f"norm must be 1, 2 or infinity; got {self.norm!r}."])
        self.scan(rows=1)

    def changed(self, **settings: Any) -> "ArtSettings":
        """Return these settings with other values.

        Raises:
            SettingsError: a name is unknown, or a value is not valid.
        """
        if unknown := [name for name in settings if name not in SETTINGS]:
            raise SettingsError([f"The settings are {', '.join(SETTINGS)}; got {unknown[0]!r}."])
        return replace(self, **settings)

    def values(self) -> dict[str, Any]:
        """Return all settings by name."""
        return asdict(self)

    def scan(self, rows: int) -> Scan:
        """Return the scan of this number of rows. One pass over them has `rows // batch_size` mini-batches."""
        each = max(1, rows // self.batch_size)
        return Scan(
            steps=self.steps * each,
            window=each,
            evaluate_every=each,
            init_cost=self.init_cost,
            norm=NORMS[self.norm],
            per_channel=True,
            learning_rate=self.learning_rate,
            attack_success_threshold=self.attack_success_threshold,
            patience=self.patience,
            early_stop=self.early_stop,
            early_stop_threshold=self.early_stop_threshold,
            early_stop_patience=self.early_stop_patience,
            cost_multiplier=self.cost_multiplier,
            batch_size=self.batch_size,
        )


SETTINGS = tuple(ArtSettings.__dataclass_fields__)
"""The names of the settings of the call."""


def count(name: str, value: Any) -> int:
    """Return a whole number of at least 1.

    Raises:
        SettingsError: the value is another.
    """
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise SettingsError([f"{name} must be a whole number of at least 1; got {value!r}."])
    return number


class Setting:
    """An attribute of a cleansed classifier that is one of its settings. It can be set: the next scan uses it.

    Args:
        name: the name of the setting.
        power: the attribute is the setting to this power. Then it cannot be set.
    """

    def __init__(self, name: str, power: float = 1) -> None:
        self.name, self.power = name, power

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = getattr(instance.settings, self.name)
        return value if self.power == 1 else value**self.power

    def __set__(self, instance: Any, value: Any) -> None:
        if self.power == 1:
            instance.settings = instance.settings.changed(**{self.name: value})
        elif not math.isclose(value, self.__get__(instance)):
            raise SettingsError(
                [
                    f"{self.attribute} is {self.name} to the power of {self.power:g}, "
                    f"{self.__get__(instance):g}; got {value!r}. Set cost_multiplier_up instead."
                ]
            )
