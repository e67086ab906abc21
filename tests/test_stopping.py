"""Workers end with the process that started them, however that ends."""

import os
import signal
from pathlib import Path

import pytest

from tests.helpers.forked import forked

ORPHAN = """
import fcntl, multiprocessing, os, signal, time
from antivenom.stopping import end_with_parent

def child(began):
    lock = open("lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    end_with_parent()
    began.set()
    time.sleep(600)

context = multiprocessing.get_context("fork")
began = context.Event()
context.Process(target=child, args=(began,)).start()
began.wait()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")
def test_a_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    import fcntl

    assert forked(ORPHAN, at=tmp_path).returncode == -signal.SIGKILL
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the worker ends at once; otherwise after ten minutes
