"""Check that a data set fits a classifier, before any work: its rows, its classes and its columns."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.errors import DataError
from antivenom.settings.taken_rows import Bounds, Takes, check_rows

LISTED = 10
"""The most values that a message lists."""


@runtime_checkable
class NamesClasses(Protocol):
    """A classifier that knows the names of its classes."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes; empty if it knows only class numbers."""


@runtime_checkable
class NamesColumns(Protocol):
    """A classifier that knows the names of the columns that it was fitted on."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns in their order; empty if it does not know them."""


class HasRows(Protocol):
    """The part of a data set that says which rows it has."""

    @property
    def x(self) -> Tensor:
        """The stored rows (n, *shape)."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""

    @property
    def bounds(self) -> Bounds:
        """The range of the rows; None if they have none."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of a table; empty if they are not known."""

    def inputs(self, rows: slice) -> Tensor:
        """Return rows as a classifier receives them."""


def check_fits(classifier: Takes, data: HasRows, subject: str = "The data") -> None:
    """Check that a data set fits a classifier.

    Args:
        classifier: the classifier.
        data: the data set.
        subject: the subject of the message, such as "NeuralCleanse.scan: `clean`".

    Raises:
        DataError: rows have another shape or range, are not finite, or the data has another number of classes, or
            other columns.
    """
    check_columns(classifier, data, subject)
    check_rows(classifier, data.x, data.bounds, subject)
    check_classes(classifier, data, subject)


def check_classes(classifier: Takes, data: HasRows, subject: str = "The data") -> None:
    """Check that a data set has the classes of a classifier.

    Raises:
        DataError: it has names of more or fewer classes.
    """
    if len(data.classes) != classifier.classes:
        raise DataError(_about_classes(classifier, data, subject))
    check_names(classifier, data, subject)


def _about_classes(classifier: Takes, data: HasRows, subject: str) -> str:
    """Return the message about another number of classes, with a call that makes the classes of the classifier."""
    names, wanted, classes = data.classes, classifier.classes, len(data.classes)
    layout = ", channels='first'" if data.x.ndim > 3 else ""
    wrong = f"{subject} must have names of {wanted} classes, as {classifier.name} has; got names of"
    if classes > wanted:
        advice = (
            f"Use a model with {classes} classes. If the classes of the model are the first {wanted} of `data`, keep "
            f"their rows and names: rows = data.subset(data.y < {wanted}); Dataset.from_arrays(rows.inputs(), rows.y, "
            f"classes=data.classes[:{wanted}], bounds=data.bounds{layout})."
        )
    elif all(name == str(number) for number, name in enumerate(names)):
        advice = f"Pass all of them: Dataset.from_arrays(x, y, classes={wanted})."
    else:
        advice = (
            f"Pass the names of all {wanted} classes, in the order of the model: Dataset.from_arrays(x, y, classes=["
            f"{names[0]!r}, …]); the data has {listed(names)}."
        )
    return f"{wrong} {classes} classes. {advice}"


def check_names(classifier: Takes, data: HasRows, subject: str = "The data") -> None:
    """Check that a data set has the names of the classes that a classifier was fitted on, in the same order.

    Raises:
        DataError: it has other names. A classifier that knows only class numbers takes all names.
    """
    names = classifier.class_names if isinstance(classifier, NamesClasses) else ()
    if names and names != data.classes:
        raise DataError(
            f"{subject} must have the classes {listed(names)}, as {classifier.name} was fitted; got "
            f"{listed(data.classes)}. Pass the names in this order as classes= to Dataset.from_arrays, or convert an "
            "unfitted estimator."
        )


def check_columns(classifier: Takes, data: HasRows, subject: str = "The data") -> None:
    """Check that a table has the columns that a classifier was fitted on, in the same order.

    Raises:
        DataError: both know the names of their columns, and these differ.
    """
    names = classifier.column_names if isinstance(classifier, NamesColumns) else ()
    if names and data.columns and names != data.columns:
        raise DataError(
            f"{subject} must have the columns {listed(names)}, in this order, as {classifier.name} was fitted; got "
            f"{listed(data.columns)}. Select the columns in this order first."
        )


def listed(values: Sequence[object]) -> str:
    """Return the first values as text for a message.

    >>> listed(("cat", "dog")), listed(range(20))
    ("'cat', 'dog'", '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …')
    """
    return ", ".join([*map(repr, values[:LISTED]), *["…"] * (len(values) > LISTED)])
