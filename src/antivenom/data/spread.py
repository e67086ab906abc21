"""Select a few rows to show, of all classes."""

import torch

from antivenom.shapes import Chosen, Labels, Positions


def spread_over(labels: Labels, eligible: Chosen, count: int) -> Positions:
    """Return up to `count` eligible positions: the first row of each label, then the second of each, and so on.

    >>> spread_over(torch.tensor([0, 0, 1, 0, 1]), torch.tensor([False, True, True, True, True]), 3).tolist()
    [1, 2, 3]
    """
    positions = torch.nonzero(eligible).flatten()
    turns = torch.zeros_like(positions)
    for label in labels[positions].unique():
        of_label = labels[positions] == label
        turns[of_label] = torch.arange(int(of_label.sum()), device=turns.device)
    classes = int(labels.max()) + 1 if len(labels) else 1
    return positions[torch.argsort(turns * classes + labels[positions])][:count]
