"""Layers, and networks without any."""

from collections.abc import Mapping, Sequence

import pytest
from sklearn.linear_model import SGDClassifier
from torch import Tensor

from antivenom.analysis import drift, probe_layers, similarity
from antivenom.analysis.layers import in_batches, observe_layers
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


def test_batches_of_large_activations_are_smaller() -> None:
    network = net(MLP(hidden=(4,)))
    received: list[int] = []

    class Counter:
        layers = (("hidden_1", "output"), ("hidden_1",))

        def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:
            received.extend(len(each["hidden_1"]) for each in activations)

    for most, expected in ((2048, 64), (40, 20), (2, 4)):
        received.clear()
        network.rows_per_gradient = most
        observe_layers((network, network), TEST, (Counter(),))
        assert max(received) == expected
        assert sum(received) == 2 * len(TEST)
    network.rows_per_batch = 9
    assert max(rows.stop - rows.start for rows, _ in in_batches(network, TEST, ("hidden_1",), 1024)) == 9
