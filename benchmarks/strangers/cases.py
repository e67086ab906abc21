"""The networks to make: a recipe, a kind and an index each. The seed of a network is a hash of the three."""

import hashlib
from dataclasses import dataclass

from benchmarks.strangers.kinds import KINDS, kinds_for
from benchmarks.strangers.recipes import RECIPES, Recipe

CLEAN = "clean"
CLEAN_PER_RECIPE = 12
BACKDOORED_PER_RECIPE = 16
ROUND = 1000
"""The distance of the indices of two rounds. The recipes that are kept aside begin with round 1."""


@dataclass(frozen=True)
class Case:
    """A network to make.

    Attributes:
        recipe: the name of its recipe.
        kind: the name of its kind of backdoor, or `clean`.
        index: its number within the recipe.
    """

    recipe: str
    kind: str
    index: int

    @property
    def name(self) -> str:
        """The name of its files, without the suffix."""
        return f"{self.recipe}-{self.index:04d}-{self.kind}"

    def seed(self, purpose: str) -> int:
        """Return the seed of one purpose, such as `rows`: a hash of the recipe, the kind, the index and the purpose."""
        text = f"{self.recipe}/{self.kind}/{self.index}/{purpose}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def cases(number: int = 0) -> list[Case]:
    """Return the networks of a round, in the order in which they are made: all recipes in turn, kept aside last.

    Args:
        number: the round. Each round has other seeds and continues with other kinds of backdoor.
    """
    main = [recipe for recipe in RECIPES.values() if not recipe.kept_aside]
    aside = [recipe for recipe in RECIPES.values() if recipe.kept_aside]
    return _in_turn(main, number) + _in_turn(aside, number + 1)


def _in_turn(recipes: list[Recipe], number: int) -> list[Case]:
    columns = [_of_recipe(recipe, number) for recipe in recipes]
    return [case for row in zip(*columns, strict=True) for case in row]


def _of_recipe(recipe: Recipe, number: int) -> list[Case]:
    """The networks of a recipe: clean and backdoored in turn. The recipes of a data set go on through the kinds."""
    available = kinds_for(recipe.data)
    rank = [name for name, each in RECIPES.items() if each.data == recipe.data].index(recipe.name)
    first = (rank + number) * BACKDOORED_PER_RECIPE
    kinds = [available[(first + each) % len(available)] for each in range(BACKDOORED_PER_RECIPE)]
    clean = [CLEAN] * CLEAN_PER_RECIPE
    pairs = [kind for pair in zip(kinds, clean, strict=False) for kind in pair] + kinds[len(clean) :]
    return [Case(recipe.name, kind, number * ROUND + index) for index, kind in enumerate(pairs)]


def is_backdoored(case: Case) -> bool:
    """Return whether a network is to be backdoored."""
    return case.kind in KINDS
