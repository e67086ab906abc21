"""The contracts of attacks."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from antivenom.data import Dataset, Poisoned
from antivenom.models import Classifier
from antivenom.rng import Rng


@runtime_checkable
class Attack(Protocol):
    """A way to poison data: a component, such as `BadNets`.

    An attack that inherits `PoisonBudget` has `appends` from it. One that can refuse data also has `problems(data)`, as
    `antivenom.settings.ChecksItself` says; one that reads files has `files()`, as `ReadsFiles` says.
    """

    @property
    def needs(self) -> frozenset[str]:
        """What the attack requires, in the words of `antivenom.settings.NEEDS`; with `surrogate`, it receives one."""

    @property
    def appends(self) -> bool:
        """Whether its rows come after the data's own. Attacks that replace rows can share one control."""

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """The data with the attacker's rows in it; `data` itself is untouched.

        Args:
            data: the clean training set.
            rng: the attack's stream.
            surrogate: the model to craft against, where the attack needs one.

        Raises:
            SettingsError: the settings do not fit the data.
            CapabilityError: the surrogate is missing, or cannot do what the attack needs.
        """


@runtime_checkable
class KeepsRounds(Protocol):
    """An attack that crafts its rows in rounds, and can keep the poison after each of them."""

    def keeping_rounds(self) -> Attack:
        """The same attack, which fills `Poisoned.rounds`."""


@runtime_checkable
class Saveable(Protocol):
    """Something that can be saved to a file."""

    def save(self, file: Path | str, /) -> None:
        """Write it to `file`."""


@runtime_checkable
class TrainsGenerator(Protocol):
    """An attack that trains a generator, which can make more poison later."""

    def train_generator(
        self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None
    ) -> tuple[Saveable, Poisoned]:
        """The generator, and what `poison` returns."""
