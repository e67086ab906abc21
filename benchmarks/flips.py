"""Changed bytes in the store and in the folder of a finished run."""

import random
import shutil
from pathlib import Path
from typing import Any

from antivenom.errors import AntivenomError
from antivenom.runner import Result
from antivenom.storage.files import read_tensors
from benchmarks.commands import Done, command, start
from benchmarks.undisturbed import Reference, Row, new_place

AT_ONCE = 5
"""The number of stages in the store that one trial damages."""


def flip(file: Path, dice: random.Random) -> str:
    """Change one byte of a file, and return a description."""
    content = bytearray(file.read_bytes())
    place, change = dice.randrange(len(content)), dice.randrange(1, 256)
    content[place] ^= change
    file.write_bytes(content)
    return f"{file.name}, byte {place} ^ {change}"


def damaged_store(right: Reference, base: Path, dice: random.Random, _: int) -> Row:
    """Change a byte in several stages of the store, and run again."""
    with new_place(base) as place:
        shutil.copytree(right.place.store, place.store)
        files = dice.sample(sorted(place.store.glob("??/*.safetensors")), AT_ONCE)
        changes = [flip(file, dice) for file in files]
        damaged = sum(not _is_intact(file) for file in files)
        done = place.run().wait()
        problems = right.problems(done, place)
        messages = (done.out + done.err).count("in the store was damaged and is computed again")
        if messages != damaged:
            problems.append(f"{damaged} stages were damaged, and {messages} messages were shown")
    return {"kind": "stage", "moment": "", "changes": changes, "damaged": damaged, "problems": problems}


def _is_intact(file: Path) -> bool:
    try:
        read_tensors(file, checked=True)
    except AntivenomError:
        return False
    return True


def damaged_folder(right: Reference, base: Path, dice: random.Random, _: int) -> Row:
    """Change a byte of a finished run, then read it with `antivenom report` and `Result.load`."""
    with new_place(base) as place:
        shutil.copytree(right.place.out, place.out)
        names = sorted(name for name in right.content if Path(name).suffix not in (".png", ".html"))
        file = place.out / dice.choice(names)
        change = flip(file, dice)
        cell = file.relative_to(place.out).parts[1] if "cells" in file.parts else ""
        shown = place.out / "cells" / cell if cell else place.out
        report = command("report", str(shown), at=place.at, store=place.store).wait()
        page = (shown / "report.html").read_bytes() == (
            right.place.out / shown.relative_to(place.out) / "report.html"
        ).read_bytes()
        problems = []
        if not report.is_clear and (report.status or not page):
            problems.append(
                f"report: status {report.status}, page {'equal' if page else 'differs'}: {report.err[-400:]}"
            )
        loaded = Done(0, "", "")
        if cell:
            original = right.place.out / "cells" / cell
            loaded = start(lambda: _compare(original, shown), at=place.at).wait()
            problems += [f"Result.load: {loaded.err[-600:]}"] * (loaded.status != 0)
    refused = "refused" if report.is_clear or "refused" in loaded.out else "equal"
    return {"kind": file.name, "moment": refused, "change": change, "problems": problems}


def _compare(original: Path, changed: Path) -> None:
    """Load two folders and compare everything, unless the second is refused."""
    one = _everything(original)
    try:
        other = _everything(changed)
    except AntivenomError as error:
        print("refused:", error)
        return
    for name, value in one.items():
        assert other[name] == value, f"{name} differs"


def _everything(folder: Path) -> dict[str, Any]:
    result = Result.load(folder)
    content: dict[str, Any] = {
        "spec": result.spec, "metrics": result.metrics, "headline": result.headline, "doubts": result.doubts,
        "about": result.about, "charts": {name: chart.to_png() for name, chart in result.charts.items()},
        "data": {name: array.tobytes() for name, array in result.data.items()},
    }  # fmt: skip
    for number, repeat in enumerate(result.repeats):
        content |= {
            f"values {number}": dict(repeat.values), f"losses {number}": repeat.losses,
            f"confusion {number}": repeat.confusion.tolist(),
            f"poison {number}": (repeat.poisoned.data.fingerprint, repeat.poisoned.roles.tolist()),
            f"goal {number}": repr(repeat.poisoned.goal),
            f"victim {number}": {name: value.tolist() for name, value in repeat.victim.state().items()},
            f"control {number}": {name: value.tolist() for name, value in repeat.control.state().items()},
        }  # fmt: skip
    return content
