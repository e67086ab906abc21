"""The kinds of components."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of component: its name in the singular, its package, and its methods, of which it must have one.

    If the methods make different components, as for defences, `contracts` has a name for each method. `own` says how a
    user's object becomes a component.
    """

    singular: str
    package: str
    methods: tuple[str, ...]
    contracts: tuple[str, ...] = ()
    own: str = ""

    def contract_of(self, names: Collection[str]) -> str:
        """Return the contract of a class with these methods, such as `scan`; the kind's own name if it is unknown.

        >>> from antivenom.registry import find
        >>> KINDS["defences"].contract_of(dir(find("defences", "neural_cleanse")))
        'scan'
        """
        known = (word for method, word in zip(self.methods, self.contracts, strict=False) if method in names)
        return next(known, self.singular)


OWN_DATA = (
    "Make one of arrays: Splits(train=Dataset.from_arrays(x, y), test=Dataset.from_arrays(x_test, y_test)), with "
    "`from antivenom import Dataset, Splits`."
)

OWN_MODEL = (
    "Convert your own network, Keras model or estimator: as_classifier(model, input_shape=(1, 28, 28)), with the shape "
    "of one row."
)

KINDS = {
    "datasets": Kind("dataset", "antivenom.data.sources", ("load",), own=OWN_DATA),
    "models": Kind("model", "antivenom.models", ("build",), own=OWN_MODEL),
    "triggers": Kind("trigger", "antivenom.triggers", ("apply",)),
    "goals": Kind("goal", "antivenom.goals", ("success",)),
    "attacks": Kind("attack", "antivenom.attacks", ("poison",)),
    "surrogates": Kind("surrogate", "antivenom.surrogates", ("recipe",)),
    "arrivals": Kind("arrival", "antivenom.arrivals", ("arrange",)),
    "defences": Kind(
        "defence",
        "antivenom.defences",
        ("score", "suspicion", "scan", "blame"),
        ("detector", "filter", "scan", "stream defence"),
    ),
    "repairs": Kind("repair", "antivenom.repairs", ("repair",)),
    "analyses": Kind("analysis", "antivenom.analysis", ("start",)),
    "trainings": Kind("training", "antivenom.training", ("fit",)),
    "trackers": Kind("tracker", "antivenom.trackers", ("track",)),
}
