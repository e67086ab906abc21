"""Pickles that hold plain data."""

import json
import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from antivenom.data.formats import plain_pickle

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(plain, st.integers(0, 5))
def test_plain_pickles_read_back(value: object, protocol: int) -> None:
    if protocol < 3:  # there, bytes are a call of a codec and text is what Python 2 made it
        value = json.loads(json.dumps({"a": [1, None, True, -(2**70)]}))
    assert plain_pickle.parse(pickle.dumps(value, protocol), "it") == value


@given(arrays.arrays(np.uint8, arrays.array_shapes(max_dims=3, min_side=0)), st.integers(0, 5))
def test_arrays_in_pickles_read_back(array: np.ndarray, protocol: int) -> None:
    for order in ("C", "F"):
        read = plain_pickle.parse(pickle.dumps({"a": np.asarray(array, order=order)}, min(protocol, 4)), "it")
        assert np.array_equal(read["a"], array)
