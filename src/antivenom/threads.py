"""How many threads work: chosen by the work of a step, which is counted and never timed.

Threads wait asleep (`waiting.py`). To wake one takes some ten microseconds, more than a layer of a small network takes.
So several threads work only where a step is large. The same settings give the same number, and the same results.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

FLOPS_FOR_THREADS = 1_000_000_000
"""The operations of a step from which several threads work: `docs/decisions/0011-threads.md` has the measurements."""

ROWS_OF_A_STEP = 128
"""The rows of a step where a component does not say how many it takes."""

PASSES = 3
"""Passes of a training step: forward, backward to a layer's inputs, backward to its weights; all cost the same."""


@runtime_checkable
class Scoring(Protocol):
    """A classifier, as far as its work is counted."""

    def scores(self, x: Tensor) -> Tensor:
        """Class scores (n, classes) of rows, without gradient."""


@runtime_checkable
class CountsFlops(Protocol):
    """A classifier that computes outside torch, and says itself how much."""

    def flops(self, rows: int) -> int:
        """The floating-point operations of one step of its training on `rows` rows."""


@runtime_checkable
class HasBatchSize(Protocol):
    """A component that takes `batch_size` rows a step."""

    @property
    def batch_size(self) -> int:
        """Rows a step."""


def work_of(classifier: Scoring, x: Tensor, rows: int = ROWS_OF_A_STEP) -> int:
    """The floating-point operations of one training step, counted on one row.

    Matrix products, convolutions and attention count; elementwise work does not. A recurrent layer that torch computes
    in one call counts as nothing.

    Args:
        classifier: it is asked for the scores of one row.
        x: rows as it takes them (n, *shape), on its device; the first is used.
        rows: how many rows the step has.

    >>> from antivenom.models import as_classifier
    >>> network = as_classifier(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), input_shape=(1, 8, 8))
    >>> work_of(network, torch.zeros(1, 1, 8, 8), rows=100)  # 3 passes of 2 * 64 * 10 operations a row
    384000
    """
    if isinstance(classifier, CountsFlops):
        return classifier.flops(rows)
    return PASSES * rows * _forward_flops(classifier, x[:1]) if len(x) else 0


def rows_of_step(training: object, classifier: object, rows: int) -> int:
    """How many of `rows` rows one step of a training takes.

    Without a `batch_size`, an estimator takes all of them at once, and a network takes `ROWS_OF_A_STEP`.
    """
    if isinstance(training, HasBatchSize):
        return min(training.batch_size, rows)
    return rows if isinstance(classifier, CountsFlops) else min(ROWS_OF_A_STEP, rows)


def number_for(flops: int) -> int:
    """The threads for steps of this many operations: one below `FLOPS_FOR_THREADS`, otherwise as many as torch has.

    What torch has is an upper limit: `torch.set_num_threads` and `OMP_NUM_THREADS` are respected.

    >>> number_for(1_000_000)
    1
    """
    return 1 if flops < FLOPS_FOR_THREADS else torch.get_num_threads()


@contextmanager
def using(threads: int) -> Iterator[int]:
    """Work with this many threads in torch, BLAS and OpenMP, and restore the numbers afterwards. Yields the number.

    A number above the present one changes nothing: an inner `using` never takes more threads than the outer one.

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
def threads_for(flops: int) -> Iterator[int]:
    """`using` the number for steps of this many operations."""
    with using(number_for(flops)) as threads:
        yield threads


class _Counter(TorchDispatchMode):
    """Counts with torch's own formulas. `FlopCounterMode` does the same, a second later: it loads torch's compiler."""

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
    torch.backends.mha.set_fastpath_enabled(False)  # a whole transformer layer in one call, which has no formula
    try:
        with torch.random.fork_rng(devices=devices), _Counter() as counter:
            classifier.scores(row)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.total)
