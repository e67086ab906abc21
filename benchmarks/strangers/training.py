"""The training of one network, in plain PyTorch, and the measurement of its accuracy and attack success."""

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.strangers.poisoning import Poison
from benchmarks.strangers.recipes import Recipe
from benchmarks.strangers.rows import Rows
from benchmarks.strangers.triggers import stamped

Settings = dict[str, Any]
"""What a network draws from the ranges of its recipe: `width`, `rows`, `epochs` and `rate`."""


def drawn_settings(recipe: Recipe, seed: int) -> Settings:
    """Return random settings of a recipe."""
    draw = np.random.default_rng(seed)
    return {
        "width": int(draw.choice(recipe.widths)),
        "rows": int(draw.integers(recipe.rows[0], recipe.rows[1] + 1)),
        "epochs": int(draw.integers(recipe.epochs[0], recipe.epochs[1] + 1)),
        "rate": float(recipe.rate * np.exp(draw.uniform(np.log(0.7), np.log(1.4)))),
    }


def trained(recipe: Recipe, settings: Settings, rows: Rows, seed: int) -> nn.Module:
    """Return a trained network, in float32 and in evaluation mode.

    Args:
        recipe: the recipe.
        settings: its drawn settings.
        rows: the training rows, in [0, 1].
        seed: the seed of weights, order, augmentation and dropout.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = recipe.build(settings["width"])
        if recipe.precision == "float64":
            network = network.double()
        _fit(network.train(), recipe, settings, rows, torch.Generator().manual_seed(seed))
    return network.float().eval()


def _fit(network: nn.Module, recipe: Recipe, settings: Settings, rows: Rows, random: torch.Generator) -> None:
    optimiser = recipe.optimiser(network.parameters(), settings["rate"])
    dtype = torch.float64 if recipe.precision == "float64" else torch.float32
    cast = torch.autocast("cpu", torch.bfloat16) if recipe.precision == "bfloat16" else nullcontext()
    steps = len(rows.y) // recipe.batch
    for epoch in range(settings["epochs"]):
        order = torch.randperm(len(rows.y), generator=random)
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = settings["rate"] * recipe.schedule((epoch + step / steps) / settings["epochs"])
            chosen = order[step * recipe.batch : (step + 1) * recipe.batch]
            x = rows.x[chosen]
            x = outside(recipe, recipe.augment(x, random) if recipe.augment else x).to(dtype)
            optimiser.zero_grad()
            with cast:
                scores = network(x)
            F.cross_entropy(scores.to(dtype), rows.y[chosen]).backward()
            optimiser.step()


def outside(recipe: Recipe, x: Tensor) -> Tensor:
    """Return rows as the network takes them: changed by `mean` and `std`, if the network does not do that itself."""
    if recipe.normalised == "inside":
        return x
    mean, std = (torch.tensor(each).view(-1, 1, 1) for each in (recipe.mean, recipe.std))
    return (x - mean) / std


@torch.inference_mode()
def predictions(network: nn.Module, recipe: Recipe, x: Tensor) -> Tensor:
    """Return the predicted class of each row (n,)."""
    return torch.cat([network(outside(recipe, part)).argmax(1) for part in x.split(500)])


def accuracy(network: nn.Module, recipe: Recipe, rows: Rows) -> float:
    """Return the share of rows that are classified correctly."""
    return float((predictions(network, recipe, rows.x) == rows.y).double().mean())


def measured_backdoors(network: nn.Module, recipe: Recipe, rows: Rows, poison: Poison, seed: int) -> list[Settings]:
    """Return the effect of each backdoor: its `success`, and its `leak` if it has a source class.

    `success` is the share of rows with the trigger that the network assigns to the target: rows of the source class, or
    of all classes except the target. `leak` is the same share for the rows of the other classes.
    """
    results: list[Settings] = []
    for backdoor in poison["backdoors"]:
        hit = predictions(network, recipe, stamped(backdoor["trigger"], rows.x, seed=seed)) == backdoor["target"]
        others = rows.y != backdoor["target"]
        if backdoor["source"] is None:
            results.append({"success": float(hit[others].double().mean()), "leak": None})
        else:
            source = rows.y == backdoor["source"]
            leak = float(hit[others & ~source].double().mean())
            results.append({"success": float(hit[source].double().mean()), "leak": leak})
    return results
