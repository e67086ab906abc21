"""Networks whose rows depend on each other are refused, and all others are not."""

import pytest
import torch

from antivenom.errors import SettingsError
from antivenom.models import as_classifier
from tests.helpers.usual_networks import NORMAL, SHAPE, Attention, Recurrent


@pytest.mark.parametrize("seed", range(30))
def test_attention_over_the_rows_of_a_batch_is_refused(seed: int) -> None:
    with pytest.raises(SettingsError, match=r"depend on the other rows .* batch_first=True in attention"):
        as_classifier(Attention(seed, batch_first=False), input_shape=SHAPE)


def test_recurrence_over_the_rows_of_a_batch_is_refused() -> None:
    with pytest.raises(SettingsError, match="depend on the other rows"):
        as_classifier(Recurrent(batch_first=False), input_shape=SHAPE)


@pytest.mark.parametrize("number", range(len(NORMAL)))
def test_networks_of_usual_kinds_are_taken(number: int) -> None:
    torch.manual_seed(number)
    net = NORMAL[number]()
    classifier = as_classifier(net, input_shape=SHAPE)
    x = torch.rand(4, *SHAPE)
    assert torch.allclose(classifier.scores(x)[1:2], classifier.scores(x[1:2]), atol=1e-4)
