"""Partitions by content."""

from dataclasses import replace

import numpy as np
import torch

from antivenom.data import Dataset
from antivenom.testing import toy_images
from antivenom.training.partitions import by_hash, by_rank, content_keys

COUNT = 7


def shuffled(data: Dataset) -> Dataset:
    """The same rows in another order, with other ids."""
    return replace(data.subset(torch.randperm(len(data), generator=torch.Generator().manual_seed(0))), ids=data.ids + 9)


def same(one: Dataset, other: Dataset) -> bool:
    return one.fingerprint == other.fingerprint


def test_an_inserted_row_changes_one_partition() -> None:
    data = toy_images()
    before, after = by_hash(data.subset(torch.arange(1, len(data))), COUNT), by_hash(data, COUNT)
    assert sum(not same(*pair) for pair in zip(before, after, strict=True)) == 1


def test_partitions_do_not_depend_on_order_and_ids() -> None:
    data = toy_images()
    for divide in (by_hash, by_rank):
        pairs = zip(divide(data, COUNT), divide(shuffled(data), COUNT), strict=True)
        assert all(same(*pair) for pair in pairs)


def test_a_flipped_label_moves_no_row_of_partitions_by_rank() -> None:
    data = toy_images()
    flipped = replace(data, y=(data.y + (torch.arange(len(data)) == 3)) % 4)
    before, after = by_rank(data, COUNT), by_rank(flipped, COUNT)
    assert all(torch.equal(one.x, other.x) for one, other in zip(before, after, strict=True))
    assert sum(not same(*pair) for pair in zip(before, after, strict=True)) == 1


def test_equal_inputs_with_different_labels_share_a_partition_by_rank() -> None:
    x = np.repeat(np.arange(6, dtype=np.uint8), 2).reshape(12, 1, 1)
    parts = by_rank(Dataset.from_arrays(x, [0, 1] * 6), 4)
    assert all(len(part.x.unique()) * 2 == len(part) for part in parts)


def test_the_hash_is_the_same_on_every_machine() -> None:
    data = Dataset.from_arrays(np.array([[[1, 2], [3, 4]]], np.uint8), [0], classes=2)
    assert content_keys(data, labels=True).tolist() == [[11967138818255867747, 1506453321624092780]]
