"""Classifiers with a certificate: how many changes of the training set a prediction provably survives."""

from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Int64
from torch import Tensor

from antivenom.shapes import Inputs

Threat = Literal["insertions and removals", "label flips"]
"""The changes of the training set that a certificate counts. A replaced row is one removal and one insertion."""

Certificates = Int64[Tensor, " n"]
"""For each row, the number of changes of the training set that its prediction provably survives."""


@runtime_checkable
class Certified(Protocol):
    """A classifier with a certificate for each prediction. It is an optional ability of a classifier."""

    @property
    def threat(self) -> Threat:
        """The changes of the training set that the certificate counts."""

    def certified(self, x: Inputs) -> Certificates:
        """Return, for each row, the number of changes that its prediction survives (n), at least 0.

        If at most this number of training rows were changed, the same training would return a classifier with the same
        prediction for this row.

        Args:
            x: rows (n, *input_shape), as for `scores`.
        """
