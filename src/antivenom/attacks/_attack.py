"""The contracts of attacks."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from antivenom.data import Dataset, Poisoned
from antivenom.models import Classifier
from antivenom.rng import Rng


@runtime_checkable
class Attack(Protocol):
    """A component that poisons data, such as `BadNets`.

    An attack that inherits from `PoisonBudget` inherits `appends`. An attack that can refuse data also has
    `problems(data)`; see `antivenom.settings.ChecksItself`. An attack that reads files has `files()`; see `ReadsFiles`.
    """

    @property
    def needs(self) -> frozenset[str]:
        """The requirements of the attack, from `antivenom.settings.NEEDS`. With `surrogate`, it receives one."""

    @property
    def appends(self) -> bool:
        """True if the attack appends its rows to the data. Attacks that replace rows can share one control."""

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """Return the data with the attacker's rows in it. `data` itself is not changed.

        Args:
            data: the clean training set.
            rng: the random stream of the attack.
            surrogate: the model to craft against, if the attack needs one.

        Raises:
            SettingsError: the settings do not fit the data.
            CapabilityError: the surrogate is missing, or does not provide what the attack needs.
        """


@runtime_checkable
class KeepsRounds(Protocol):
    """An attack that crafts its rows in rounds and can keep the poison after each round."""

    def keeping_rounds(self) -> Attack:
        """Return the same attack, set to fill `Poisoned.rounds`."""


@runtime_checkable
class Saveable(Protocol):
    """An object that can be saved to a file."""

    def save(self, file: Path | str, /) -> None:
        """Write the object to `file`."""


@runtime_checkable
class TrainsGenerator(Protocol):
    """An attack that trains a generator. The generator can make more poison later."""

    def train_generator(
        self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None
    ) -> tuple[Saveable, Poisoned]:
        """Return the generator, and the result of `poison`."""
