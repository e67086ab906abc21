"""Measure an honest visitor of the playground among connections that misbehave.

    python -m benchmarks.neighbours [--seconds 120] [--connections 200] [--fuzz N] [--json FILE]

The connections misbehave in ten ways: `benchmarks/misbehaving.py`. A connection that the server closes comes again
after a quarter of a second. The visitor loads the page, its style, its script and one computed answer, again and again,
each with a new connection. 95 % of the responses must arrive within 2 seconds, and the memory of the server may grow by
a tenth after the first 10 seconds. With `--fuzz`, N random requests are sent instead: no status 500, no traceback, no
response after 10 seconds, and less than 500 MB more memory.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import h11

from benchmarks.hostile_requests import request
from benchmarks.machine import machine
from benchmarks.misbehaving import KINDS, misbehaving

WITHIN, GROWTH = 2.0, 1.1
LATEST, MAX_GROWTH = 10.0, 500.0
AT_ONCE = 16
REQUESTED = (("GET", "/"), ("GET", "/page.css"), ("GET", "/page.js"), ("POST", "/api/board"))


@dataclass(frozen=True)
class Server:
    """A running playground."""

    port: int
    process: int
    errors: IO[str]

    def memory(self) -> float:
        """Return the resident memory in MB."""
        status = Path(f"/proc/{self.process}/status").read_text()
        match = re.search(r"VmRSS:\s*(\d+)", status)
        assert match is not None
        return int(match[1]) / 1024

    def printed(self) -> str:
        """Return all that the server printed as errors."""
        self.errors.seek(0)
        return self.errors.read()


@contextlib.contextmanager
def playground() -> Iterator[Server]:
    """Start `antivenom playground`, and stop it at the end."""
    with tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, "-W", "ignore", "-m", "antivenom", "playground", "--port", "0"]
        served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert served.stdout is not None
            match = re.search(r":(\d+)/", served.stdout.readline())
            assert match is not None
            yield Server(int(match[1]), served.pid, errors)
            assert served.poll() is None, "the server ended"
        finally:
            served.terminate()
            served.wait(60)


def ask(port: int, method: str, path: str, calls: int) -> tuple[str, float]:
    """Return the status, or the name of an exception, and the seconds until the whole response arrived."""
    began = time.perf_counter()
    visitor = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    points = [[0.1 * calls, 0.5, 1], [0.2, -0.1 * calls, 0]]
    body = json.dumps({"board": {"points": points, "calls": calls}}) if method == "POST" else None
    try:
        visitor.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = visitor.getresponse()
        response.read()
        return str(response.status), time.perf_counter() - began
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, time.perf_counter() - began
    finally:
        visitor.close()


def visit(server: Server, seconds: float) -> dict[str, object]:
    """Ask as the honest visitor, and return the results."""
    statuses: Counter[str] = Counter()
    times: dict[str, list[float]] = {path: [] for _, path in REQUESTED}
    began, early = time.perf_counter(), 0.0
    while (passed := time.perf_counter() - began) < seconds:
        if not early and passed > min(10.0, seconds / 2):
            early = server.memory()
        for method, path in REQUESTED:
            status, taken = ask(server.port, method, path, 1 + len(times[path]) % 15)
            statuses[status] += 1
            times[path].append(taken)
        time.sleep(0.05)
    every = sorted(each for taken in times.values() for each in taken)
    after = server.memory()
    return {
        "seconds": seconds,
        "responses": len(every),
        "statuses": dict(statuses),
        "p50": round(every[len(every) // 2], 3),
        "p95": round(every[int(0.95 * len(every))], 3),
        "longest": round(every[-1], 3),
        "p95_computed": round(sorted(times["/api/board"])[int(0.95 * len(times["/api/board"]))], 3),
        "memory_early_mb": round(early),
        "memory_late_mb": round(after),
        "memory_ratio": round(after / early, 3),
    }


def is_complete(content: bytes) -> bool:
    """Return True if the server need not wait for more bytes."""
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(content)
    try:
        while (event := parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.EndOfMessage):
                return True
    except h11.RemoteProtocolError:
        return True
    return False


async def send(port: int, content: bytes, patient: bool, longest: float) -> tuple[str, float]:
    """Return the first status and the seconds until it. Leave early if the request is not complete.

    After `longest` seconds there is no response.
    """
    began = time.perf_counter()
    wait = longest if is_complete(content) or patient else 0.05
    writer = None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(content)
        line = await asyncio.wait_for(reader.readline(), wait)
        while b" 100 " in line:
            line = await asyncio.wait_for(reader.readline(), wait) or b"none"
        status = line.split()[1].decode() if line.startswith(b"HTTP/") else "closed"
    except TimeoutError:
        status = "left" if wait < 1 else "no response"
    except ConnectionError:
        status = "closed"
    finally:
        if writer is not None:
            writer.transport.abort()
    return status, time.perf_counter() - began


async def fuzz(server: Server, requests: int, seconds: float, longest: float = 30.0) -> dict[str, object]:
    """Send the random requests, and return the results. End after some seconds, if not all are sent by then.

    A request has no response if it comes later than after `longest` seconds.
    """
    before, began = server.memory(), time.perf_counter()
    statuses: Counter[str] = Counter()
    slowest = (0.0, b"")
    numbers = iter(range(requests))

    async def one_by_one() -> None:
        nonlocal slowest
        for number in numbers:
            content = request(random.Random(number))
            status, taken = await send(server.port, content, number % 500 == 0, longest)
            statuses[status] += 1
            slowest = max(slowest, (taken, content))
            if status == "500":
                print(f"input {number}: {content[:400]!r}")
            if time.perf_counter() - began > seconds:
                return

    await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))
    return {
        "requests": statuses.total(),
        "statuses": dict(sorted(statuses.items())),
        "slowest": round(slowest[0], 2),
        "slowest_request": repr(slowest[1][:120]),
        "grown_mb": round(server.memory() - before),
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    """Run the benchmark, print the results and check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--fuzz", type=int, metavar="N", help="send N random requests instead")
    parser.add_argument("--fuzz-seconds", type=float, default=3600.0, help="end the random requests after this time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    with playground() as server:
        while ask(server.port, "GET", "/", 1)[0] != "200" or ask(server.port, "POST", "/api/board", 1)[0] != "200":
            time.sleep(0.2)
        if options.fuzz:
            result = asyncio.run(fuzz(server, options.fuzz, options.fuzz_seconds))
        else:
            with misbehaving(server.port, options.connections):
                result = {"connections": options.connections, "kinds": len(KINDS)} | visit(server, options.seconds)
        printed = server.printed()
    result |= {"machine": machine(), "printed_errors": printed[-2000:]}
    print("\n".join(f"{name}: {value}" for name, value in result.items()))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    problems = failures(result, fuzzed=bool(options.fuzz))
    sys.exit("\n".join(problems) or 0)


def failures(result: dict[str, object], *, fuzzed: bool) -> list[str]:
    """Return the promises that the results break."""
    figures = {name: value for name, value in result.items() if isinstance(value, float | int)}
    statuses = result["statuses"]
    assert isinstance(statuses, dict)
    broken = {"the server printed errors": bool(result["printed_errors"])}
    if fuzzed:
        broken |= {
            "status 500": "500" in statuses,
            "a request without a response": "no response" in statuses,
            "a late response": figures["slowest"] > LATEST,
            "more memory": figures["grown_mb"] > MAX_GROWTH,
        }
    else:
        broken |= {
            "an honest visitor was refused": set(statuses) != {"200"},
            "slow responses": figures["p95"] > WITHIN,
            "more memory": figures["memory_ratio"] > GROWTH,
        }
    return [problem for problem, is_broken in broken.items() if is_broken]


if __name__ == "__main__":
    main()
