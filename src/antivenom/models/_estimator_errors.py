"""Errors and warnings of scikit-learn in the words of antivenom."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from antivenom.errors import DataError

UNNAMED = "X does not have valid feature names"
"""The warning of scikit-learn about rows without names of columns."""


@contextmanager
def plain_errors(name: str, act: str = "learn from") -> Iterator[None]:
    """Convert errors of the estimator `name` to DataError, and ignore warnings about overflows and column names.

    Raises:
        DataError: the estimator does not accept the rows.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", UNNAMED)  # `check_columns` compares the names
            yield
    except ValueError as error:
        raise DataError(f"{name} cannot {act} these rows: {str(error).splitlines()[0]}") from error
