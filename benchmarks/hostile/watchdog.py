"""The end of a process whose input takes too long, on its processor or by waiting."""

import faulthandler
import os
import signal
import threading
import time
from typing import IO

TICK = 0.1


class Watchdog:
    """Ends the process, after it has written where it hangs to a log.

    Time counts only while the process may run: it may be stopped, and a busy machine may let it wait.

    Args:
        log: the file that gets the places of all threads.
        seconds: the longest time of one input, in seconds.
    """

    def __init__(self, log: IO[str], seconds: float) -> None:
        self.log, self.seconds, self.ticks, self.on = log, seconds, 0, False
        faulthandler.register(signal.SIGPROF, file=log, chain=True)  # the signal then ends the process
        threading.Thread(target=self._tick, daemon=True).start()

    def start(self) -> None:
        """Start the time of an input."""
        self.ticks, self.on = 0, True
        signal.setitimer(signal.ITIMER_PROF, self.seconds)

    def stop(self) -> None:
        """End the time of an input."""
        self.on = False
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _tick(self) -> None:
        while True:
            time.sleep(TICK)
            self.ticks += 1
            if self.on and self.ticks * TICK > self.seconds:
                faulthandler.dump_traceback(self.log, all_threads=True)
                os._exit(4)
