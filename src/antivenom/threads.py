"""The number of threads. It depends on the counted operations of a step, never on measured time.

Waiting threads sleep (`waiting.py`). It takes tens of microseconds to wake a thread, more than a layer of a small
network needs. So several threads work only for large steps. Equal settings have equal numbers and equal results.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor
from torch.utils.flop_counter import flop_registry

from antivenom.private.kernels import TorchDispatchMode

FLOPS_FOR_THREADS = 1_000_000_000
"""The smallest number of operations of a step for several threads; see `docs/decisions/0011-threads.md`."""

ROWS_OF_A_STEP = 128
"""The number of rows per step for a component that does not declare it."""

PASSES = 3
"""Passes per training step, of equal cost: forward, backward to a layer's inputs, backward to its weights."""


@runtime_checkable
class Scoring(Protocol):
    """The part of a classifier that is required to count its operations."""

    def scores(self, x: Tensor) -> Tensor:
        """Return class scores (n, classes) of rows, without gradient."""


@runtime_checkable
class CountsFlops(Protocol):
    """A classifier that computes outside of torch, and counts its own operations."""

    def flops(self, rows: int) -> int:
        """Return the floating-point operations of one training step on `rows` rows."""


@runtime_checkable
class HasBatchSize(Protocol):
    """A component that uses `batch_size` rows per step."""

    @property
    def batch_size(self) -> int:
        """The number of rows per step."""


def work_of(classifier: Scoring, x: Tensor, rows: int = ROWS_OF_A_STEP) -> int:
    """Return the floating-point operations of one training step, counted on one row.

    It counts matrix products, convolutions and attention, not elementwise operations. A recurrent layer that torch
    computes in one call counts as 0.

    Args:
        classifier: the classifier; it scores one row.
        x: its input rows (n, *shape), on its device. Only the first row is used.
        rows: the number of rows per step.

    >>> from antivenom.models import as_classifier
    >>> network = as_classifier(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), input_shape=(1, 8, 8))
    >>> work_of(network, torch.zeros(1, 1, 8, 8), rows=100)  # 3 passes of 2 * 64 * 10 operations a row
    384000
    """
    if isinstance(classifier, CountsFlops):
        return classifier.flops(rows)
    return PASSES * rows * _forward_flops(classifier, x[:1]) if len(x) else 0


def rows_of_step(training: object, classifier: object, rows: int) -> int:
    """Return the number of rows in one step of a training on `rows` rows.

    Without a `batch_size`, an estimator uses all rows in one step, and a network uses `ROWS_OF_A_STEP`.
    """
    if isinstance(training, HasBatchSize):
        return min(training.batch_size, rows)
    return rows if isinstance(classifier, CountsFlops) else min(ROWS_OF_A_STEP, rows)


def number_for(flops: int) -> int:
    """Return the number of threads for a step: 1 below `FLOPS_FOR_THREADS` operations, otherwise torch's number.

    Torch's number is the upper limit, so `torch.set_num_threads` and `OMP_NUM_THREADS` are respected.

    >>> number_for(1_000_000)
    1
    """
    return 1 if flops < FLOPS_FOR_THREADS else torch.get_num_threads()


@contextmanager
def using(threads: int) -> Iterator[int]:
    """Limit the threads of torch, BLAS and OpenMP, and restore the numbers afterwards. Yields the number.

    It never increases the present number: an inner `using` never uses more threads than the outer one.

    >>> with using(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    threads = max(1, min(threads, before))
    libraries = ThreadpoolController().lib_controllers
    lowered = [(library, count) for library in libraries if (count := library.num_threads or 1) > threads]
    try:
        for library, _ in lowered:
            library.set_num_threads(threads)
        if threads < before:
            torch.set_num_threads(threads)
        yield threads
    finally:
        for library, count in lowered:
            library.set_num_threads(count)
        if threads < before:
            torch.set_num_threads(before)


@contextmanager
def restored() -> Iterator[None]:
    """Restore torch's number of threads afterwards, for a call of a library that changes it.

    >>> before = torch.get_num_threads()
    >>> with restored():
    ...     torch.set_num_threads(before + 1)
    >>> torch.get_num_threads() == before
    True
    """
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def threads_for(flops: int) -> Iterator[int]:
    """Call `using` with the number of threads for steps of this number of operations."""
    with using(number_for(flops)) as threads:
        yield threads


class _Counter(TorchDispatchMode):
    """Counts with torch's formulas. `FlopCounterMode` does the same, but takes a second to load torch's compiler."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func.overloadpacket):
            self.total += int(formula(*args, **(kwargs or {}), out_val=out))
        return out


def _forward_flops(classifier: Scoring, row: Tensor) -> int:
    fast = torch.backends.mha.get_fastpath_enabled()
    devices = [row.device] if row.device.type == "cuda" else []
    torch.backends.mha.set_fastpath_enabled(False)  # the fast path has no formula
    try:
        with torch.random.fork_rng(devices=devices), _Counter() as counter:
            classifier.scores(row)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.total)
