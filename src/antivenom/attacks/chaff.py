"""Rows that are placed by hand."""

from collections.abc import Iterator

import torch

from antivenom.data import Dataset, Poisoned
from antivenom.errors import SettingsError
from antivenom.goals.availability import Availability
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import ClassNumber, component
from antivenom.trial import Trial

Point = tuple[float, ...]


@component
class Chaff:
    """Rows that the attacker chooses and appends to the data. They shift the decision boundary of an online model.

    Chio and Freeman, *Machine Learning and Security* (2018), chapter 8, call such rows chaff. The defaults are the five
    points of the book.

    Args:
        points: the rows. Each has as many numbers as a row of the data. An empty list leaves the data unchanged.
        labels: the class number of each point, or one number for all points.

    Raises:
        SettingsError: the number of labels does not match, or a row does not fit the data.

    >>> from antivenom.data.sources.plane import Plane
    >>> poisoned = Chaff(points=((0, 1), (1, 1)), labels=(1, 0)).poison(Plane().load().train, rng=Rng(0))
    >>> poisoned.x.tolist(), poisoned.y.tolist()
    ([[0.0, 1.0], [1.0, 1.0]], [1, 0])
    """

    needs = frozenset[str]()
    appends = True
    trial = Trial(
        settings={"points": (tuple(each / 36 for each in range(36)), (0.5,) * 36)},
        waive={"attack_is_reproducible": "its rows are settings and do not depend on the seed"},
    )

    points: tuple[Point, ...] = ((-2.0, 0.1), (-1.75, 0.1), (-1.5, 0.1), (-1.25, 0.1), (-1.0, 0.1))
    labels: tuple[ClassNumber, ...] = (1,)

    def __post_init__(self) -> None:
        if len(self.labels) not in (1, len(self.points)):
            raise SettingsError(
                [f"Chaff.labels must have length 1 or {len(self.points)}, one for each point; got {len(self.labels)}."]
            )

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """Return the data with the points appended."""
        if problems := list(self.problems(data)):
            raise SettingsError(f"Chaff {problem}" for problem in problems)
        points = torch.tensor(self.points, dtype=torch.float32).reshape(len(self.points), *data.shape)
        labels = torch.tensor(self.labels).expand(len(self.points)).clone()
        x = data.encode(points.to(data.device))
        return Poisoned.append(data, x=x, y=labels.to(data.device), goal=Availability())

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the points do not fit the data."""
        width, (low, high) = (
            data.x[:1].numel() or data.x.new_empty(1, *data.shape).numel(),
            data.bounds or (-1e30, 1e30),
        )
        for number, point in enumerate(self.points, 1):
            if len(point) != width:
                yield f"has point {number} of length {len(point)}; the rows of the data have length {width}."
            elif not all(low <= value <= high for value in point):
                yield f"has a number in point {number} that is not between {low:g} and {high:g}."
        if self.points and max(self.labels) >= len(data.classes):
            yield f"has label {max(self.labels)}, but the classes are 0 to {len(data.classes) - 1}."
