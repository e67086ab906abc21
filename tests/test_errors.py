"""Errors."""

import pickle

from antivenom.errors import SettingsError


def test_an_error_survives_pickle() -> None:
    error = pickle.loads(pickle.dumps(SettingsError(["a", "b"])))
    assert (error.problems, str(error)) == (("a", "b"), "a\nb")
