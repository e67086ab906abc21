"""Checks of surrogates."""

import dataclasses

import torch

from antivenom.models import Model
from antivenom.models.mlp import MLP
from antivenom.rng import Rng
from antivenom.surrogates import Surrogate
from antivenom.testing._toys import global_state_untouched, toy_images
from antivenom.testing.register import check
from antivenom.training import Training
from antivenom.training.end_to_end import EndToEnd


@check
def surrogate_has_a_recipe(surrogate: Surrogate) -> None:
    """The surrogate returns an architecture and a training, which are the same for the same victim."""
    model, training = surrogate.recipe(MLP(), EndToEnd())
    assert isinstance(model, Model), f"recipe() must return an architecture; got {model!r}"
    assert isinstance(training, Training), f"recipe() must return a training; got {training!r}"
    assert surrogate.recipe(MLP(), EndToEnd()) == (model, training), "two calls of recipe() returned different recipes"


@check
def surrogate_knows_rows_of_the_data(surrogate: Surrogate) -> None:
    """The known rows are unchanged rows of the data, each at most once, and depend only on the random stream."""
    data = toy_images()
    before = data.fingerprint
    with global_state_untouched():
        known, again = (surrogate.known_rows(data, Rng(0).child("known")) for _ in range(2))
    assert dataclasses.replace(data).fingerprint == before, "the surrogate changed the data that it received"
    assert known.fingerprint == again.fingerprint, "the same seed returned different rows"
    assert len(known) and len(known.ids.unique()) == len(known), (
        "known_rows() must return at least 1 row, and none twice"
    )
    places = torch.searchsorted(data.ids, known.ids).clamp_max(len(data) - 1)
    assert torch.equal(data.ids[places], known.ids), "known_rows() returned rows that are not in the data"
    assert data.subset(places).fingerprint == known.fingerprint, "known_rows() changed a row"
