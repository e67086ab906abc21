"""The numbers of outcomes of one kind of input, and its faults, kept in a file."""

import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from antivenom.files.writing import write_text
from benchmarks.hostile.isolated import Outcome

EVERY = 10.0
"""The file is written once in this many seconds."""

MOST_FAULTS = 40
"""The number of sorts of faults that are kept."""


@dataclass
class Tally:
    """The outcomes of the inputs of one kind.

    Args:
        file: the file; None for none. Other kinds may be in it, too.
        name: the kind.
        seed: the seed of the inputs.
        next: the number of the next input.
        seconds: the time of all inputs so far.
        counts: the number of inputs by their outcome.
        faults: the first fault of each sort.
        faulty: the numbers of all inputs with a fault.
        slowest: the longest time of an input in seconds, by the clock, and its number.
        largest: the most memory of an input in bytes, and its number.
    """

    file: Path | None = None
    name: str = ""
    seed: int = 0
    next: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Outcome] = field(default_factory=list)
    faulty: list[int] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[int, int] = (0, -1)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._seen = {_sort(each) for each in self.faults}
        self._since = self._saved = time.monotonic()

    @classmethod
    def load(cls, file: Path | None, name: str, seed: int) -> "Tally":
        """Return the tally of a kind in a file; an empty one if the file does not have it."""
        known = {} if file is None or not file.exists() else json.loads(file.read_text()).get(name, {})
        if known and known["seed"] != seed:
            raise SystemExit(f"{file} has inputs of the seed {known['seed']}; got {seed}. Choose another file.")
        tally = cls(
            file,
            name,
            seed,
            next=known.get("next", 0),
            seconds=known.get("seconds", 0.0),
            counts=Counter(known.get("counts", {})),
            faults=[Outcome(*each) for each in known.get("faults", [])],
        )
        if known:
            tally.faulty = known["faulty"]
            tally.slowest, tally.largest = tuple(known["slowest"]), tuple(known["largest"])
        return tally

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, and save the tally if it is time."""
        self.next = outcome.number + 1
        self.counts[outcome.result] += 1
        self.slowest = max(self.slowest, (outcome.seconds, outcome.number))
        self.largest = max(self.largest, (outcome.grown, outcome.number))
        if outcome.result not in ("read", "refused"):
            self.faulty.append(outcome.number)
            self.add_fault(outcome)
        if time.monotonic() - self._saved > EVERY:
            self.save()

    def add_fault(self, outcome: Outcome) -> None:
        """Keep a fault if there is none of its sort."""
        if _sort(outcome) not in self._seen and len(self.faults) < MOST_FAULTS:
            self._seen.add(_sort(outcome))
            self.faults.append(outcome)

    def save(self) -> None:
        """Write the tally to its file."""
        now = time.monotonic()
        self.seconds, self._since, self._saved = self.seconds + now - self._since, now, now
        if self.file is None:
            return
        content: dict[str, Any] = json.loads(self.file.read_text()) if self.file.exists() else {}
        content[self.name] = {
            "seed": self.seed,
            "next": self.next,
            "seconds": round(self.seconds, 1),
            "rate": round(self.next / max(self.seconds, 1e-3), 1),
            "counts": dict(self.counts),
            "slowest": self.slowest,
            "largest": self.largest,
            "faulty": self.faulty,
            "faults": [[each.number, each.result, each.details] for each in self.faults],
        }
        write_text(self.file, json.dumps(content, indent=1) + "\n")

    def described(self) -> str:
        """Return the numbers and the faults as text."""
        lines = [
            f"{self.next} inputs in {self.seconds:.0f} s: {dict(self.counts)}",
            f"slowest: {self.slowest[0]:.2f} s (input {self.slowest[1]}); "
            f"most memory: {self.largest[0] >> 20} MiB (input {self.largest[1]}); faulty inputs: {self.faulty}",
        ]
        lines += [f"--- {self.name} {each.number}: {each.result}\n{each.details}" for each in self.faults]
        return "\n".join(lines)


def _sort(fault: Outcome) -> tuple[str, ...]:
    """Return what faults of one sort have in common: the last lines, and the places in antivenom."""
    places = re.findall(r'/src/(antivenom/[^"]*)", line (\d+)', fault.details)
    last = fault.details.strip().rpartition("\n")[2][:80]
    return (fault.result, "" if fault.result == "hangs" else last, *(f"{file}:{line}" for file, line in places[:3]))
