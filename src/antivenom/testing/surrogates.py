"""What every surrogate promises."""

import dataclasses

import torch

from antivenom.models import Model
from antivenom.models.mlp import MLP
from antivenom.rng import Rng
from antivenom.surrogates import Surrogate
from antivenom.testing._checks import check
from antivenom.testing._toys import global_state_untouched, toy_images
from antivenom.training import Training
from antivenom.training.end_to_end import EndToEnd


@check
def surrogate_has_a_recipe(surrogate: Surrogate) -> None:
    """It names an architecture and a training, the same for the same victim."""
    model, training = surrogate.recipe(MLP(), EndToEnd())
    assert isinstance(model, Model), f"{model!r} is not an architecture"
    assert isinstance(training, Training), f"{training!r} is not a training"
    assert surrogate.recipe(MLP(), EndToEnd()) == (model, training), "asking twice gave two recipes"


@check
def surrogate_knows_rows_of_the_data(surrogate: Surrogate) -> None:
    """The attacker's rows are rows of the data, unchanged, each once, and drawn from the stream alone."""
    data = toy_images()
    before = data.fingerprint
    with global_state_untouched():
        known, again = (surrogate.known_rows(data, Rng(0).child("known")) for _ in range(2))
    assert dataclasses.replace(data).fingerprint == before, "the surrogate changed the data it was given"
    assert known.fingerprint == again.fingerprint, "the same seed gave other rows"
    assert len(known) and len(known.ids.unique()) == len(known), "it knows no row, or one several times"
    places = torch.searchsorted(data.ids, known.ids).clamp_max(len(data) - 1)
    assert torch.equal(data.ids[places], known.ids), "it knows rows that are not in the data"
    assert data.subset(places).fingerprint == known.fingerprint, "a row that it knows has other content"
