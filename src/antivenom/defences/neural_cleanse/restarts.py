"""Further random starts of the search, for the triggers of flagged classes."""

import math

import torch
from torch import Tensor

from antivenom.defences.neural_cleanse.inversion import Inversion, Recovered


def restart_search(inversion: Inversion, targets: Tensor, restarts: int) -> tuple[Recovered, int]:
    """Search again from new starts for the triggers of some classes.

    Most starts end in triggers that are larger than necessary. Only the most promising quarter is searched to its end.

    Returns:
        The triggers recovered by `inversion`, with smaller ones for `targets` if there are any, and the number of rows
        that the classifier scored for this.
    """
    result = inversion.result()
    again = Inversion(
        inversion.classifier,
        inversion.clean,
        targets.repeat(restarts),
        inversion.search,
        inversion.rng,
        inversion.memory,
        first_start=1,
    )
    everything = torch.arange(len(again.targets), device=again.device)
    again.run_to_first_failure(everything)
    for target in targets.tolist():
        own = everything[again.targets == target]
        again.finish(own[again.best_norm[own].argsort(stable=True)[: math.ceil(restarts / 4)]])
        best = own[again.best_norm[own].argmin()]
        if bool(again.best_norm[best] < inversion.best_norm[target]):
            for kept, new in zip((result.masks, result.patterns), again.best, strict=True):
                kept[target] = new[best]
    return result, again.rows
