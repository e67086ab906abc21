"""Running cells as tasks of Ray, on this machine or on a cluster."""

import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from antivenom.errors import AntivenomError, RunError, SettingsError, WriteError
from antivenom.extras import missing_packages
from antivenom.own_code import own_folders
from antivenom.runner.events import CellStarted, CellWaiting, Finished, OnEvent
from antivenom.runner.executors.cell_files import entry_of, unpack_cell
from antivenom.runner.executors.executor import Outcome, Work, failed
from antivenom.runner.executors.order import CellQueue
from antivenom.runner.executors.processes import plain_specs
from antivenom.runner.executors.ray_task import run_task
from antivenom.runner.results.manifest import MANIFEST, read_manifest
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.storage.store import Store

TASKS_PER_SLOT = 2
"""Cells in flight for each cell that the cluster can run at the same time: no worker waits for the driver."""

WAIT_SECONDS = 1.0
SECONDS_BETWEEN_QUESTIONS = 5.0
"""The time between two questions about the size of the cluster."""

RETRIES = 3
"""How often Ray runs a cell again whose worker or machine was lost."""


@dataclass(frozen=True)
class Ray:
    """Runs each cell as a task of Ray. The workers publish cells in the store; this process copies them to the folder.

    A task returns only a key, so nothing large travels, and a lost driver loses nothing: the next run finds the
    finished cells in the store. All workers must reach the store.

    Args:
        address: the address of a cluster, such as `auto` or `ray://head:10001`. If omitted, Ray is started on this
            machine, and ends with the run.
        workers: the number of cells at the same time, if Ray is started on this machine. If omitted, one for each core.
        cpus: the cores that a cell takes, unless `resources` of its spec names another number.
        gpus: the GPUs that a cell takes, in the same way. It may be a fraction, such as 0.25 for four cells on a GPU.
    """

    address: str | None = None
    workers: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        problems = []
        if self.workers is not None and self.workers < 1:
            problems.append(f"workers must be at least 1; got {self.workers}.")
        if self.workers is not None and self.address is not None:
            problems.append("workers cannot be set for a cluster: it runs as many cells as it has cores. Remove it.")
        problems += [
            f"{name} must be at least 0; got {value}."
            for name, value in (("cpus", self.cpus), ("gpus", self.gpus))
            if value < 0
        ]
        if not self.cpus and not self.gpus:
            problems.append("cpus and gpus are both 0. Set one of them.")
        if problems:
            raise SettingsError(problems)

    def threads(self, cells: Mapping[str, ExperimentSettings]) -> dict[str, int]:
        """Return the number of threads of each cell: the whole cores that it takes.

        Raises:
            SettingsError: Ray would be started on this machine, and a cell takes more cores than it has.
        """
        taken = {name: self.resources(each)["CPU"] for name, each in cells.items()}
        there = os.cpu_count()
        if self.address is None and there is not None:
            problems = [
                f"{name}: resources.cpus is {amount:g}; this machine has {there} core{'s' * (there != 1)}. Set "
                f"resources.cpus, or --cpus, to at most {there}, or pass the --address of a cluster."
                for name, amount in taken.items()
                if amount > there
            ]
            if problems:
                raise SettingsError(problems)
        return {name: max(1, int(amount)) for name, amount in taken.items()}

    def resources(self, cell: ExperimentSettings) -> dict[str, float]:
        """Return the cores and GPUs that a cell takes, as `CPU` and `GPU`.

        Raises:
            SettingsError: the cell takes neither a core nor a GPU.

        >>> from antivenom import Experiment
        >>> from antivenom.attacks import LabelFlip
        >>> Ray(cpus=2).resources(Experiment(attack=LabelFlip(), resources={"gpus": 0.25}))
        {'CPU': 2.0, 'GPU': 0.25}
        """
        taken = {
            "CPU": float(cell.resources.get("cpus", self.cpus)),
            "GPU": float(cell.resources.get("gpus", self.gpus)),
        }
        if not any(taken.values()):
            raise SettingsError(["resources: the cell takes neither a core nor a GPU. Set resources.cpus."])
        return taken

    def run(self, work: Work, on_event: OnEvent) -> Iterator[Outcome]:
        """Run every cell, and yield the outcome of each when it has finished. A failed cell does not stop the others.

        Raises:
            SettingsError: a cell contains an object made in Python, or the sweep has no store that workers can reach.
            RunError: Ray cannot be started, or the cluster cannot be reached.
            WriteError: a disk is full or read-only.
        """
        specs = plain_specs(work.cells, "a worker of Ray")
        if not specs:
            return
        ray = _module()
        with tempfile.TemporaryDirectory(prefix="antivenom-ray-") as place:
            store = work.store
            if store is None and self.address is not None:
                raise SettingsError(["A sweep on a cluster requires a store. Set $ANTIVENOM_STORE to a place that all "
                                     "machines reach."])  # fmt: skip
            store = store or Store(place)
            with _connected(ray, self, max(taken["CPU"] for taken in map(self.resources, work.cells.values()))):
                yield from _Tasks(ray, self, work, store, specs, on_event).outcomes()


class _Tasks:
    """The tasks of a run, and the copying of finished cells."""

    def __init__(
        self, ray: Any, settings: Ray, work: Work, store: Store, specs: dict[str, dict[str, Any]], on_event: OnEvent
    ) -> None:
        self._ray, self._settings, self._work, self._store, self._specs = ray, settings, work, store, specs
        self._on_event, self._queue = on_event, CellQueue(work.cells)
        self._asked, self._slots, self._machines = float("-inf"), 0, list[dict[str, float]]()
        self._task = ray.remote(max_retries=RETRIES)(run_task)
        self._resources = {name: settings.resources(each) for name, each in work.cells.items()}
        self._different = [dict(each) for each in {tuple(taken.items()) for taken in self._resources.values()}]
        self._threads = work.threads or settings.threads(work.cells)
        self._common = list(sys.path), [str(each) for each in own_folders()], store.address, work.device

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcome of each cell, in the order in which they finish."""
        running: dict[Any, str] = {}
        full: WriteError | None = None
        self._most()
        self._check_this_machine()
        while True:
            while full is None and len(running) < self._most() and (name := self._queue.next(running.values())):
                running[self._start(name)] = name
            if not running:
                break
            done, _ = self._ray.wait(list(running), num_returns=1, timeout=WAIT_SECONDS)
            for each in done:
                name = running.pop(each)
                self._queue.finish(name)
                try:
                    self._publish(name, self._ray.get(each))
                except Exception as error:  # noqa: BLE001 - recorded with the cell's name; the other cells go on
                    cause = _cause(error)
                    if isinstance(cause, WriteError):
                        full = cause
                    else:
                        yield failed(name, cause)
                else:
                    yield Outcome(name)
        if full is not None:
            raise full

    def _most(self) -> int:
        """Return the most cells in flight. Machines may join and leave the cluster during the run."""
        if time.monotonic() < self._asked + SECONDS_BETWEEN_QUESTIONS:
            return self._slots
        self._asked = time.monotonic()
        self._machines = [each["Resources"] for each in self._ray.nodes() if each["Alive"]]
        cluster = self._ray.cluster_resources()
        slots = max(
            min(int(cluster.get(kind, 0) / amount) for kind, amount in taken.items() if amount)
            for taken in self._different
        )
        self._slots = TASKS_PER_SLOT * max(1, slots)
        return self._slots

    def _check_this_machine(self) -> None:
        """Raise SettingsError if Ray was started on this machine, and a cell needs more than the machine has."""
        if self._settings.address is not None:
            return
        there = self._machines[0] if self._machines else {}
        has = needs({"CPU": there.get("CPU", 0.0), "GPU": there.get("GPU", 0.0)})
        problems = [
            f"{name}: resources: it needs {needs(taken)}; this machine has {has}. Set resources.cpus and "
            "resources.gpus to less, or pass the --address of a cluster."
            for name, taken in self._resources.items()
            if not self._fits(taken)
        ]
        if problems:
            raise SettingsError(problems)

    def _fits(self, taken: Mapping[str, float]) -> bool:
        """Return whether some machine has what a cell takes."""
        return any(all(each.get(kind, 0) >= amount for kind, amount in taken.items()) for each in self._machines)

    def _start(self, name: str) -> Any:
        taken = self._resources[name]
        if not self._fits(taken):
            self._on_event(CellWaiting(name, needs(taken)))
        self._on_event(CellStarted(name))
        task = self._task.options(num_cpus=taken["CPU"], num_gpus=taken["GPU"])
        return task.remote(name, self._specs[name], self._work.keys.get(name), *self._common, self._threads[name])

    def _publish(self, name: str, key: str) -> None:
        """Copy a cell from the store to its folder."""
        folder = self._work.folder / name
        entry = self._store.get(entry_of(key))
        if entry is None:
            raise RunError(f"The worker's result is missing in the store {self._store.address}. "
                           "All workers must use the same store.")  # fmt: skip
        unpack_cell(folder, entry[0])
        self._store.remove(entry_of(key))
        for timing in read_manifest(folder / MANIFEST).about.get("stages", ()):
            self._on_event(Finished(name, timing["repeat"], timing["stage"], timing["seconds"], timing["stored"]))


@contextmanager
def _connected(ray: Any, settings: Ray, most: float) -> Iterator[None]:
    """Connect to a cluster, or start Ray on this machine. A connection that exists is used, and left open.

    `most` is the largest number of cores that a cell takes.
    """
    if ray.is_initialized():
        yield
        return
    local: dict[str, Any] = {}
    if settings.address is None:
        cores = settings.workers and settings.workers * most
        local = {"num_cpus": cores and max(1, math.ceil(cores)), "include_dashboard": False}
    try:
        ray.init(address=settings.address or "local", log_to_driver=False, logging_level="ERROR", **local)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        place = f"The cluster {settings.address} cannot be reached" if settings.address else "Ray cannot be started"
        raise RunError(f"{place}: {error}. Check it with `ray status`.") from error
    try:
        yield
    finally:
        ray.shutdown()


def needs(taken: Mapping[str, float]) -> str:
    """Return in words what a cell takes.

    >>> needs({"CPU": 2.0, "GPU": 0.25}), needs({"CPU": 1.0, "GPU": 0.0})
    ('2 cores and 0.25 GPUs', '1 core')
    """
    words = {"CPU": ("core", "cores"), "GPU": ("GPU", "GPUs")}
    return " and ".join(f"{amount:g} {words[kind][amount != 1]}" for kind, amount in taken.items() if amount)


def _cause(error: BaseException) -> BaseException:
    """Return the exception of the cell inside of Ray's, or an error that says that the worker was lost."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return cause
    if type(error).__module__.startswith("ray."):
        text = " ".join(str(error).split())[:300]
        return RunError(f"The worker was lost {RETRIES + 1} times while it ran this cell: {text}")
    return error


def _module() -> Any:
    try:
        import ray  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise AntivenomError(missing_packages("The executor 'ray'", ["ray"])) from error
    if not hasattr(ray, "init"):
        raise AntivenomError("The module `ray` is not the package Ray. Remove the other module of that name.")
    return ray
