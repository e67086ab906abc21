"""The stages of a run. Each is a pure function, and the store keeps its result under a key made of its inputs."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from antivenom.attacks import Attack
from antivenom.calling import Own, guarded
from antivenom.charts import with_evidence
from antivenom.data import Dataset, Poisoned, Source, Splits
from antivenom.defences import Scan, Verdict
from antivenom.errors import AntivenomError
from antivenom.models import Checkpoint, Classifier, Model
from antivenom.models.restoring import restored
from antivenom.rng import Rng
from antivenom.runner.events import Damaged, Event, Finished, Read, Started, Trained, Waiting, no_op
from antivenom.runner.executors.data_cache import DataCache
from antivenom.runner.executors.packing import (
    Packed,
    pack_fitted,
    pack_poisoned,
    pack_splits,
    pack_verdict,
    unpack_fitted,
    unpack_poisoned,
    unpack_splits,
    unpack_verdict,
)
from antivenom.runner.scoring.pair import Fitted
from antivenom.settings import ReadsFiles
from antivenom.storage.keys import arithmetic, bytes_of, code_of, identity
from antivenom.storage.store import Store
from antivenom.threads import ROWS_OF_A_STEP, number_for, rows_of_step, using, work_of
from antivenom.training import Epoch, Training, checkpoints_of, wrapped

T = TypeVar("T")


@dataclass(frozen=True)
class Stages:
    """The stages of one cell of a run, and the store that keeps their results.

    Args:
        store: keeps finished stages; None keeps nothing.
        device: the device that computes.
        cell: the cell's name, for events.
        on_event: called with every event, such as the start and the end of a stage.
        timings: the wall time of each stage so far.
        cache: the data sets that have been read. Several cells may share it.
    """

    store: Store | None
    device: torch.device
    cell: str = ""
    on_event: Callable[[Event], object] = no_op
    timings: list[dict[str, Any]] = field(default_factory=list)
    cache: DataCache = field(default_factory=DataCache)

    def prepare(self, source: Source, repeat: int = 0) -> Splits:
        """Return the data set, on the run's device. It is not read again if it is in the cache."""
        return self.cache.get(source, lambda: self._read(source, repeat))

    def _read(self, source: Source, repeat: int) -> Splits:
        own = Own()
        report = own.calling(lambda done, of: self.on_event(Read(self.cell, repeat, done, of)))

        def compute() -> Splits:
            splits: Splits = guarded(source, Source.load, Splits, passing=own.exceptions)(report)
            return splits

        known = None if isinstance(source, Splits) else identity("datasets", source)
        parts = None if known is None else {"dataset": known, "files": bytes_of(guarded(source, Source.files, None)())}
        splits = self._stage(repeat, "prepare", parts, compute, pack_splits, unpack_splits)
        return Splits(train=splits.train.to(self.device), test=splits.test.to(self.device))

    def poison(
        self, attack: Attack, train: Dataset, rng: Rng, repeat: int, surrogate: Classifier | None = None
    ) -> Poisoned:
        """Craft the poison."""
        known = {"attack": identity("attacks", attack)}
        if surrogate is not None:
            known["surrogate"] = identity("models", surrogate)
        parts = _parts(known, {"data": train.fingerprint, "rng": _named(rng), "files": _files(attack)})
        compute: Callable[[], Poisoned] = partial(
            guarded(attack, Attack.poison, Poisoned), train, rng=rng, surrogate=surrogate
        )
        threads = threads_of(surrogate, train)
        unpack = partial(unpack_poisoned, train=train)
        return self._stage(repeat, "poison", parts, compute, pack_poisoned, unpack, threads)

    def fit(
        self,
        role: str,
        training: Training,
        model: Model,
        blank: Classifier,
        data: Dataset,
        rng: Rng,
        repeat: int,
        start: Classifier | None = None,
    ) -> Fitted:
        """Train a classifier. `role`, such as `victim`, `control` or `surrogate`, is used only in events."""
        stage = f"fit {role}"

        def compute() -> Fitted:
            losses: list[float] = []
            kept: list[Checkpoint] = []

            def keep(epoch: Epoch) -> None:
                losses.append(epoch.loss)
                if epoch.classifier is not None and epoch.is_one_of(checkpoints_of(training)):
                    kept.append(Checkpoint(epoch.rows, restored(blank, epoch.classifier.state())))
                self.on_event(Trained(self.cell, repeat, stage, epoch))

            own = Own()
            fit = guarded(training, Training.fit, Classifier, passing=own.exceptions)
            fitted = with_evidence(fit(blank, data, rng=rng, start=start, callbacks=(own.calling(keep),)))
            return Fitted(fitted.result, tuple(losses), tuple(kept), fitted.figures, fitted.charts)

        known = {"training": identity("trainings", training), "model": identity("models", model)}
        if start is not None:
            known["start"] = identity("models", start)
        parts = _parts(known, {"data": data.fingerprint, "rng": _named(rng), "files": _files(model)})
        threads = threads_of(blank, data, rows_of_step(training, blank, len(data)))
        unpack = partial(unpack_fitted, blank=wrapped(training, blank))
        return self._stage(repeat, stage, parts, compute, pack_fitted, unpack, threads)

    def scan(
        self, role: str, name: str, scan: Scan, classifier: Classifier, clean: Dataset, rng: Rng, repeat: int
    ) -> Verdict:
        """Scan a classifier for a backdoor. `role` is used only in events."""
        known = {"scan": identity("defences", scan), "classifier": identity("models", classifier)}
        parts = _parts(known, {"data": clean.fingerprint, "rng": _named(rng)})
        compute: Callable[[], Verdict] = partial(guarded(scan, Scan.scan, Verdict), classifier, clean, rng=rng)
        threads = threads_of(classifier, clean)
        return self._stage(repeat, f"scan {role} {name}", parts, compute, pack_verdict, unpack_verdict, threads)

    def timed(self, repeat: int, stage: str, compute: Callable[[], T], *, threads: int = 1) -> T:
        """Run a stage that the store does not keep, with the given number of threads."""
        return self._stage(repeat, stage, None, compute, None, None, threads)

    def _stage(
        self,
        repeat: int,
        stage: str,
        parts: Mapping[str, Any] | None,
        compute: Callable[[], T],
        pack: Callable[[T], Packed] | None,
        unpack: Callable[[dict[str, Tensor], dict[str, Any]], T] | None,
        threads: int = 1,
    ) -> T:
        self.on_event(Started(self.cell, repeat, stage))
        began = time.perf_counter()
        result: T | None = None
        key, kept = None, False
        given = None if self.store is None or parts is None else self._given(parts, threads)
        with ExitStack() as lease:
            if self.store is not None and given is not None and pack and unpack:
                key = self.store.key(stage.partition(" ")[0], given)
                damaged, waiting = (self._sender(kind, repeat, stage) for kind in (Damaged, Waiting))
                result = self.store.get(key, unpack, damaged)
                if result is None:
                    lease.enter_context(self.store.lease(key, waiting))
                    result = self.store.get(key, unpack, damaged)  # another worker may have finished it meanwhile
                kept = result is not None
            if result is None:
                with using(threads):
                    result = compute()
                if self.store is not None and key is not None and pack:
                    self.store.put(key, *pack(result))
        seconds = time.perf_counter() - began
        about = {"seconds": round(seconds, 3), "stored": kept, "threads": threads}
        self.timings.append({"repeat": repeat, "stage": stage, **about})
        self.on_event(Finished(self.cell, repeat, stage, seconds, kept))
        return result

    def _sender(self, kind: type[Damaged | Waiting], repeat: int, stage: str) -> Callable[[str], object]:
        """Return a function that sends an event about a stage with a text."""
        return lambda text: self.on_event(kind(self.cell, repeat, stage, text))

    def _given(self, parts: Mapping[str, Any], threads: int) -> dict[str, Any] | None:
        """Return everything that a key is made of, or None if a file of code has changed since it was imported."""
        code = code_of(__name__, pack_splits.__module__)
        given = {**arithmetic(self.device), "threads": threads}
        return None if code is None else {**parts, "code": code, "arithmetic": given}


def threads_of(classifier: Classifier | None, data: Dataset, rows: int = ROWS_OF_A_STEP) -> int:
    """Return the number of threads for training steps of `rows` rows; 1 without a classifier.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models.mlp import MLP
    >>> train = load("digits").train
    >>> network = MLP().build(input_shape=train.shape, classes=10, bounds=train.bounds, rng=Rng(0))
    >>> threads_of(network, train)
    1
    """
    return 1 if classifier is None else number_for(work_of(classifier, data.inputs(slice(0, 1)), rows))


def choose_device(name: str) -> torch.device:
    """Return the device with a name; `auto` is CUDA if there is a GPU, otherwise the CPU.

    Raises:
        AntivenomError: this machine does not have the device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise AntivenomError(_no_device(name)) from error
    if device.type == "cpu" and device.index:
        raise AntivenomError(_no_device(name))
    return device


def _no_device(name: str) -> str:
    available = ["auto", "cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    return f"The device '{name}' is not available. Choose one of: {', '.join(available)}."


def _parts(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parts of a key, or None if a component has no identity."""
    return None if None in known.values() else {**known, **given}


def _files(part: object) -> list[str]:
    return bytes_of(part.files()) if isinstance(part, ReadsFiles) else []


def _named(rng: Rng) -> list[Any]:
    return [rng.seed, *rng.path]
