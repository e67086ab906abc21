"""The cores and GPUs that a cell takes on a cluster."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from antivenom.errors import SettingsError
from antivenom.registry import did_you_mean
from antivenom.settings import short
from antivenom.settings.marks import Meaning

KEYS = ("cpus", "gpus")

Resources = Annotated[Mapping[str, Any], Meaning("a mapping such as {cpus: 2, gpus: 0.25}")]


def check_resources(resources: Mapping[str, Any]) -> None:
    """Check the resources of a cell.

    Args:
        resources: `cpus` and `gpus`, numbers of at least 0, not both 0; a key may be missing.

    Raises:
        SettingsError: the mapping has problems; the error lists all of them.

    >>> check_resources({"cpus": 2, "gpus": 0.25})
    >>> check_resources({"cpus": -1})
    Traceback (most recent call last):
    antivenom.errors.SettingsError: resources.cpus must be a number of at least 0; got -1.
    """
    if problems := list(_problems(resources)):
        raise SettingsError(problems)


def _problems(given: Mapping[str, Any]) -> Iterator[str]:
    for key, value in given.items():
        if key not in KEYS:
            yield f"resources.{key} is not a setting.{did_you_mean(key, KEYS)} Use: {', '.join(KEYS)}."
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            yield f"resources.{key} must be a number of at least 0; got {short(value)}."
    if all(given.get(key, 1) == 0 for key in KEYS):
        yield "resources.cpus and resources.gpus are both 0. Set one of them."
