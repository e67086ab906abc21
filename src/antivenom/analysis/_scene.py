"""What an analysis is given, what it finds, and how several share one pass over the data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.analysis._layers import Look, look_at
from antivenom.data import Dataset, Poisoned
from antivenom.goals.backdoor import Backdoor
from antivenom.models import Checkpoint, Classifier
from antivenom.rng import Rng

PLACED = 2000
"""So many poisoned rows, at most, are looked at."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What an analysis is given. It knows the truth, as it is no defence.

    Attributes:
        victim: trained on the poisoned data.
        control: its twin, trained on clean data.
        poisoned: what the victim was trained on, and the truth about it.
        test: clean rows that neither was trained on.
        paths: how victim and control stood on their way, where checkpoints were kept.
        start: the model that both started from; None where they started with new weights.
    """

    victim: Classifier
    control: Classifier
    poisoned: Poisoned
    test: Dataset
    paths: tuple[tuple[Checkpoint, ...], tuple[Checkpoint, ...]] = ((), ())
    start: Classifier | None = None

    @property
    def both(self) -> dict[str, Classifier]:
        """Victim and control by the prefix of their figures."""
        return {"": self.victim, "control_": self.control}

    def pulled(self) -> tuple[Dataset, Tensor]:
        """Poisoned rows with their true labels, and the class that each is pulled to.

        Test rows with the trigger, where there is one; else the attacker's own rows whose labels are not those of the
        rows they were made from.
        """
        poisoned, goal = self.poisoned, self.poisoned.goal
        if isinstance(goal, Backdoor):
            attacked = goal.attacked(self.test)
            few = goal.triggered(attacked.subset(torch.arange(min(len(attacked), PLACED), device=attacked.device)))
            return few, torch.full_like(few.y, goal.target)
        known = poisoned.origin >= 0
        true = torch.where(known, poisoned.base.y[poisoned.origin.clamp_min(0)], poisoned.y)
        lying = torch.nonzero(true != poisoned.y).flatten()[:PLACED]
        rows = replace(poisoned.base, x=poisoned.x[lying], y=true[lying], ids=poisoned.ids[lying])
        return rows, poisoned.y[lying]


@dataclass(frozen=True, eq=False)
class Learned:
    """What an analysis found: figures by name, None where one does not apply, and arrays or tensors for the report."""

    values: Mapping[str, float | None] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Study:
    """An analysis under way.

    Attributes:
        finish: says what was found, once `look` has seen all of the clean test rows.
        look: what looks at the layers of victim and control meanwhile; None where nothing has to.
    """

    finish: Callable[[], Learned]
    look: Look | None = None


@runtime_checkable
class Analysis(Protocol):
    """What is asked of the features: a component, such as `Probes`."""

    def begin(self, scene: Scene, rng: Rng) -> Study:
        """Begin, so that all analyses may share one pass over the clean test rows."""


def analyse(analyses: Mapping[str, Analysis], scene: Scene, rng: Rng) -> Learned:
    """Figures and arrays of several analyses, which share one pass over the clean test rows.

    Args:
        analyses: by name; an array's name is `analysis.NAME.ARRAY`.
        scene: both networks, and the truth.
        rng: each analysis draws from a child of it.

    >>> from antivenom.analysis import Similarity
    >>> from antivenom.attacks import LabelFlip
    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> scene = Scene(net, net, LabelFlip().poison(digits.train, rng=Rng(0)), digits.test)
    >>> sorted(analyse({"similarity": Similarity()}, scene, Rng(0)).values)
    ['cka.activation_1', 'cka.hidden_1', 'cka.output']
    """
    begun = {name: each.begin(scene, rng.child(name)) for name, each in analyses.items()}
    look_at((scene.victim, scene.control), scene.test, [each.look for each in begun.values() if each.look is not None])
    values: dict[str, float | None] = {}
    arrays: dict[str, Any] = {}
    for name, each in begun.items():
        found = each.finish()
        values |= found.values
        arrays |= {f"analysis.{name}.{key}": value for key, value in found.arrays.items()}
    return Learned(values, {name: _plain(array) for name, array in arrays.items()})


def _plain(array: Tensor | NDArray[Any]) -> NDArray[Any]:
    return array.cpu().numpy() if isinstance(array, Tensor) else np.asarray(array)
