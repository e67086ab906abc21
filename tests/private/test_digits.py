"""The digits without scikit-learn, against scikit-learn's own."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from antivenom.private import digits


@pytest.mark.parametrize("file", [digits.FILE, Path("no", "such", "file")])
def test_the_digits_are_scikit_learns(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "FILE", file)
    images, classes = digits.digits()
    theirs = load_digits()
    assert np.array_equal(images, theirs.images)
    assert np.array_equal(classes, theirs.target)
    assert images.dtype == theirs.images.dtype
    assert classes.dtype == theirs.target.dtype
