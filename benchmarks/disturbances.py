"""One disturbed run of each kind, and what its folder has at the end compared with an undisturbed run."""

import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.commands import Done, command
from benchmarks.undisturbed import Place, Reference, Row, new_place

LARGEST = 250_000
"""The size in bytes of the largest file that the run writes, rounded up."""

RESERVE = 1 << 20
"""The space in bytes that antivenom leaves free on a disk."""


MOMENT = 0.2
"""The longest delay in seconds between the end of a stage and a kill."""


def kept(store: Path) -> int:
    """Return the number of poisons and trainings in a store."""
    return sum(file.name.startswith(("fit-", "poison-")) for file in store.glob("??/*.safetensors"))


def computed(out: Path) -> int:
    """Return the number of poisons and trainings that the last run computed itself."""
    manifests = [json.loads(file.read_text()) for file in out.glob("cells/*/manifest.json")]
    stages = [stage for manifest in manifests for stage in manifest["stages"]]
    return sum(not stage["stored"] and stage["stage"].startswith(("fit", "poison")) for stage in stages)


def kill(right: Reference, base: Path, dice: random.Random, number: int) -> Row:
    """Kill a run at a moment, and run it again."""
    workers, alone = number % 4 == 3, number % 20 == 7
    delay = dice.random() * (MOMENT if number % 2 else right.seconds[0])
    stages = dice.randrange(1, kept(right.place.store)) if number % 2 else 0
    with new_place(base) as place:
        running = place.run(workers)
        while kept(place.store) < stages and not running.ended():
            time.sleep(0.001)
        time.sleep(delay)
        running.kill(group=not alone)
        status = running.wait().status
        before = kept(place.store)
        problems = right.problems(place.run(workers).wait(), place)
        twice = 0 if problems or workers else computed(place.out) - (kept(right.place.store) - before)
    kind = f"{'two workers' if workers else 'one process'}{', first process only' * alone}"
    moment = "after its end" if status == 0 else "with finished stages" if before else "before the first stage"
    return {
        "kind": kind,
        "moment": moment,
        "stages": stages,
        "delay": round(delay, 3),
        "twice": twice,
        "problems": problems,
    }


def disk(right: Reference, base: Path, dice: random.Random, number: int) -> Row:
    """Let the disk become full at a byte, and run again without a limit."""
    kind = ("large files", "small store", "small folder", "large files, two workers")[number % 4]
    folder_bytes = _size(right.place.store if "store" in kind else right.place.out)
    size = (
        int(LARGEST ** (0.5 + 0.5 * dice.random())) if "large" in kind else RESERVE + int(dice.random() * folder_bytes)
    )
    with new_place(base) as place:
        if "large" in kind:
            for file in sorted(right.place.store.glob("??/*")):
                if file.name.startswith("prepare") or dice.random() < 0.3:  # otherwise the largest stage fails first
                    shutil.copytree(file.parent, place.store / file.parent.name, dirs_exist_ok=True)
            first = place.run("two" in kind, file_bytes=size).wait()
            problems = _ended_well(right, first, place)
            problems += right.problems(place.run("two" in kind).wait(), place)
        else:
            with mounted(place.store if "store" in kind else place.out, size) as folder:
                if folder is None:
                    return {"kind": kind, "problems": [], "skipped": "cannot mount"}
                first = place.run().wait()
                problems = _ended_well(right, first, place)
                subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
                problems += right.problems(place.run().wait(), place)
    return {"kind": kind, "bytes": size, "moment": first.status, "message": _message(first), "problems": problems}


def _size(folder: Path) -> int:
    """Return the size of a folder on a disk with blocks of 4 KiB, in bytes."""
    return sum(-(-file.stat().st_size // 4096) * 4096 for file in folder.rglob("*") if file.is_file())


def _ended_well(right: Reference, done: Done, place: Place) -> list[str]:
    """Return problems unless a command wrote the right content or failed with one clear line."""
    if done.is_clear:
        return []
    return [f"first run: {problem}" for problem in right.problems(done, place)]


def _message(done: Done) -> str:
    return next((line for line in done.err.splitlines() if line.startswith("✗ ")), "")


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[Path | None]:
    """Mount a file system of a size in bytes; None if this user cannot."""
    folder.mkdir(exist_ok=True)
    made = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(made, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def together(right: Reference, base: Path, _: random.Random, number: int) -> Row:
    """Run while another process uses the store."""
    kind = ("two runs", "clean", "verify", "two runs and clean", "two workers and clean")[number % 5]
    with new_place(base) as place:
        runs = [(place, place.run("workers" in kind))]
        if "two runs" in kind:
            second = Place(place.at, place.at / "out2", place.store)
            runs.append((second, second.run()))
        problems, count = [], 0
        while kind != "two runs" and not all(running.ended() for _, running in runs):
            done = command("store", "verify" if kind == "verify" else "clean", at=place.at, store=place.store).wait()
            count += 1
            if done.status or (kind == "verify" and " 0 were damaged" not in done.out):
                problems.append(f"store: status {done.status}: {done.out} {done.err[-600:]}")
        for each, running in runs:
            done = running.wait()
            problems += right.problems(done, each)
            if "was damaged" in done.out + done.err:
                problems.append("an intact stage was called damaged")
    return {"kind": kind, "moment": "", "commands": count, "problems": problems}


def places(right: Reference, base: Path, dice: random.Random, number: int) -> Row:
    """Run with a store or a folder that cannot be written to, or that becomes read-only."""
    kind = ("store in a file", "store in /proc", "folder in a file", "folder in /proc", "folder becomes read-only",
            "store becomes read-only")[number % 6]  # fmt: skip
    with new_place(base) as place:
        (place.at / "file").write_text("mine")
        if "becomes" not in kind:
            wrong = place.at / "file" / "x" if "file" in kind.split() else Path("/proc/antivenom/x")
            bad = Place(place.at, place.out, wrong) if "store" in kind else Place(place.at, wrong, place.store)
            done = bad.run(number % 2 == 1).wait()
            problems = [] if done.is_clear else [f"status {done.status}: {done.err[-600:]}"]
        else:
            with mounted(place.out if "folder" in kind else place.store, 64 << 20) as folder:
                if folder is None:
                    return {"kind": kind, "problems": [], "skipped": "cannot mount"}
                done, problems = _made_read_only(right, place, folder, dice.random() * right.seconds[0])
    return {"kind": kind, "moment": done.status, "message": _message(done), "problems": problems}


def _made_read_only(right: Reference, place: Place, folder: Path, delay: float) -> tuple[Done, list[str]]:
    """Make a mounted folder read-only during a run, then writable again, and run again."""
    running = place.run()
    time.sleep(delay)
    while subprocess.run(["mount", "-o", "remount,ro", str(folder)], capture_output=True, check=False).returncode:
        time.sleep(0.001)  # a file is being written
    done = running.wait()
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
    problems = _ended_well(right, done, place)
    return done, problems + right.problems(place.run().wait(), place)
