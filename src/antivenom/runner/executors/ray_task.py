"""The task that a worker of Ray runs: one cell."""

import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from antivenom.errors import RunError
from antivenom.own_code import take_over
from antivenom.runner.executors.cell import run_cell
from antivenom.runner.executors.cell_files import entry_of, pack_cell
from antivenom.runner.executors.data_cache import DataCache
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.spec.loading import make_experiment
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.storage.store import Store

CACHE = DataCache()
"""The data sets of a worker. Its cells share them."""


def run_task(
    name: str,
    spec: dict[str, Any],
    key: str | None,
    path: list[str],
    folders: list[str],
    address: str,
    device: str,
    threads: int,
) -> str:
    """Run a cell in a worker of Ray, publish it in the store, and return its key.

    Raises:
        RunError: the machine has fewer cores than threads: Ray was told another number of cores.
    """
    there = os.cpu_count() or threads
    if threads > there:
        raise RunError(
            f"The cell takes {threads} cores, but the machine {platform.node()} has {there}: Ray was started with "
            "another number. Set resources.cpus to less."
        )
    take_over(list(dict.fromkeys([*sys.path, *path])), [Path(folder) for folder in folders])
    torch.set_num_threads(threads)
    store = Store(address)
    known = key or f"{name}-{os.urandom(8).hex()}"
    if key is not None and store.get(entry_of(key)) is not None:
        return key  # an earlier driver was lost after this cell had finished
    experiment = make_experiment(spec, ExperimentSettings, allow_code=True)  # the driver allowed it
    stages = Stages(store, choose_device(device), name, cache=CACHE)
    with tempfile.TemporaryDirectory(prefix="antivenom-cell-") as place:
        run_cell(experiment, Path(place) / "cell", stages, key)
        store.put(entry_of(known), *pack_cell(Path(place) / "cell"))
    return known
