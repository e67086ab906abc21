"""Parts of a population in several processes."""

import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, TypeVar

import torch

from antivenom.errors import RunError, SettingsError
from antivenom.own_code import own_folders, safe_children, take_over
from antivenom.stopping import end_workers, in_worker, prepare_worker, signals_for_parent_only

T = TypeVar("T")

NOT_SENT = "cannot be sent to a worker process: {error}. Use workers=1, or define its functions in a module."


def in_processes(work: Callable[..., T], tasks: Sequence[tuple[Any, ...]], workers: int) -> list[T]:
    """Return `work(*task)` of each task, in order, computed in several processes.

    Args:
        work: a function of a module.
        tasks: the arguments of each call; `check_sendable` finds out if they can be sent.
        workers: the number of processes. They divide the threads of this process among them.

    Raises:
        RunError: a process ended early, for example because it ran out of memory.
    """
    others, context = multiprocessing.active_children(), multiprocessing.get_context("spawn")
    begin = (list(sys.path), own_folders(), max(1, torch.get_num_threads() // workers))
    with safe_children():
        pool = ProcessPoolExecutor(workers, context, _begin, begin)
        try:
            with signals_for_parent_only():
                futures = [pool.submit(in_worker, work, *task) for task in tasks]
            return [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise RunError(
                "A worker process of the population ended early. It may have run out of memory: use fewer workers. A "
                'script that starts workers must have its code below `if __name__ == "__main__":`.'
            ) from error
        except BaseException as error:
            if not isinstance(error, Exception):
                end_workers(others)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def check_sendable(thing: object) -> None:
    """Raise SettingsError if an object cannot be sent to another process."""
    try:
        ForkingPickler.dumps(thing)
    except Exception as error:  # a user's object can raise anything
        raise SettingsError([f"{type(thing).__name__} {NOT_SENT.format(error=error)}"]) from error


def _begin(path: list[str], folders: list[Path], threads: int) -> None:
    prepare_worker()
    take_over(path, folders)
    torch.set_num_threads(threads)
