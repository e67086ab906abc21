"""Layouts of tensors in memory."""

import torch

from antivenom.models.preact_resnet18 import PreactResnet18
from antivenom.rng import Rng


def test_a_layout_that_onednn_overruns_is_not_chosen() -> None:
    """Decision 5: with channels last, this corrupts the heap, so it may not even be tried here."""
    for channels, risky in ((4, True), (16, False)):
        classifier = PreactResnet18(width=channels).build(input_shape=(1, 8, 8), classes=3, bounds=(0, 1), rng=Rng(0))
        filters = classifier.module.stages[1][0].conv_2.weight
        assert filters.is_contiguous(memory_format=torch.channels_last) != risky
    for _ in range(20):
        narrow = PreactResnet18(width=4).build(input_shape=(1, 8, 8), classes=3, bounds=(0, 1), rng=Rng(0))
        narrow.learn(torch.rand(8, 1, 8, 8), torch.arange(8) % 3)


def test_new_weights_have_the_layout_of_the_first() -> None:
    made = PreactResnet18(width=16).build(input_shape=(1, 8, 8), classes=3, bounds=(0, 1), rng=Rng(0))
    for each in (made, made.fresh(Rng(1)), made.fresh(Rng(1)).with_state(made.state()), made.with_head(5, Rng(0))):
        assert each.channels_last_filters
        assert each.module.stages[0][0].conv_2.weight.is_contiguous(memory_format=torch.channels_last)
