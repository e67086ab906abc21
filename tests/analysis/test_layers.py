"""Layers, and networks without any."""

import pytest
from sklearn.linear_model import SGDClassifier

from antivenom.analysis import drift, probe_layers, similarity
from antivenom.errors import CapabilityError
from antivenom.models import MLP, as_classifier
from antivenom.rng import Rng
from tests.helpers.trained import TEST, net


def test_what_has_no_layers_is_refused() -> None:
    linear = as_classifier(SGDClassifier(), input_shape=(1, 6, 6), classes=4)
    for ask in (
        lambda: similarity(linear, linear, TEST),
        lambda: probe_layers(linear, TEST, rng=Rng(0)),
        lambda: drift(linear, TEST),
    ):
        with pytest.raises(CapabilityError, match="requires features, which SGDClassifier does not provide"):
            ask()
    with pytest.raises(CapabilityError, match="Unknown layer 'nine'"):
        similarity(net(MLP(hidden=(4,))), net(MLP(hidden=(4,))), TEST, layers=["nine"])
