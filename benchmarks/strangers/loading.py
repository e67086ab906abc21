"""Load the networks that `make` has written."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmarks.strangers.cases import Case
from benchmarks.strangers.kinds import CHANNELS, SIDE
from benchmarks.strangers.making import FORMAT, description_file, weights_file
from benchmarks.strangers.recipes import RECIPES, Recipe
from benchmarks.strangers.rows import Rows, defender_rows
from benchmarks.strangers.triggers import stamped


@dataclass(frozen=True)
class Stranger:
    """A network, and the truth about it.

    Attributes:
        case: its recipe, kind and index.
        description: all that was written about it: `accuracy`, `success`, `working`, `settings`, `poison` and more.
        folder: the folder of its files.
    """

    case: Case
    description: dict[str, Any]
    folder: Path

    @property
    def name(self) -> str:
        """The name of its files, without the suffix."""
        return self.case.name

    @property
    def recipe(self) -> Recipe:
        """The way in which it was trained."""
        return RECIPES[self.case.recipe]

    @property
    def data(self) -> str:
        """The name of the data set: `mnist`, `cifar10` or `digits`."""
        return self.recipe.data

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of one image: channels, height, width."""
        return CHANNELS[self.data], SIDE[self.data], SIDE[self.data]

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of the pixels, before `mean` and `std`."""
        return 0.0, 1.0

    @property
    def mean(self) -> tuple[float, ...] | None:
        """The numbers that the caller subtracts from each channel; None if the module takes images in `bounds`."""
        return self.recipe.mean if self._outside else None

    @property
    def std(self) -> tuple[float, ...] | None:
        """The divisor of each channel after that; None if the module takes images in `bounds`."""
        return self.recipe.std if self._outside else None

    @property
    def _outside(self) -> bool:
        return self.recipe.normalised == "outside" and (set(self.recipe.mean), set(self.recipe.std)) != ({0.0}, {1.0})

    @property
    def backdoored(self) -> bool:
        """True if the training rows were poisoned, whether the backdoor works or not."""
        return self.description["poison"] is not None

    @property
    def working(self) -> bool:
        """True if the accuracy is high enough and, for a backdoored network, every backdoor works."""
        return bool(self.description["working"])

    @property
    def targets(self) -> tuple[int, ...]:
        """The target classes; none for a clean network."""
        return tuple(each["target"] for each in self._backdoors)

    @property
    def sources(self) -> tuple[int | None, ...]:
        """The source class of each backdoor; None if its trigger works on all classes."""
        return tuple(each["source"] for each in self._backdoors)

    @property
    def _backdoors(self) -> list[dict[str, Any]]:
        return self.description["poison"]["backdoors"] if self.backdoored else []

    @cached_property
    def module(self) -> nn.Module:
        """The network in evaluation mode. It takes float32 images (n, *input_shape) and returns logits (n, 10)."""
        with torch.random.fork_rng(devices=[]):
            module = self.recipe.build(self.description["settings"]["width"])
        module.load_state_dict(load_file(weights_file(self.folder, self.case)))
        return module.eval()

    def held_out(self, count: int) -> Rows:
        """Return `count` clean test rows in [0, 1], without those on which the network was measured.

        Raises:
            ValueError: there are fewer rows.
        """
        return defender_rows(self.data, self.case.seed("test"), count)

    def triggered(self, x: Tensor, backdoor: int = 0) -> Tensor:
        """Return images in [0, 1] with a trigger of the network, as at the measurement of the attack success.

        Args:
            x: images (n, *input_shape) in [0, 1]. They do not change.
            backdoor: the number of the backdoor.
        """
        return stamped(self._backdoors[backdoor]["trigger"], x, seed=self.case.seed("triggers"))


def load(folder: Path, *, kept_aside: bool = False) -> list[Stranger]:
    """Return the complete networks of a folder, in the order of their names.

    Args:
        folder: the folder that `make` has written.
        kept_aside: also return the networks of the recipes that are kept aside for the last report.

    Raises:
        ValueError: a description has another format.
    """
    networks = []
    for file in sorted(folder.glob("*.json")):
        description = json.loads(file.read_text(encoding="utf-8"))
        if description.get("format") != FORMAT:
            raise ValueError(f"{file} does not have format {FORMAT}. Make the networks again, in another folder.")
        case = Case(description["recipe"], description["kind"], description["index"])
        assert file == description_file(folder, case)
        if kept_aside or not description["kept_aside"]:
            networks.append(Stranger(case, description, folder))
    return networks
