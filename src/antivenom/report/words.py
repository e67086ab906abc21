"""Text of the report: values, intervals and headings."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from antivenom.charts import capitalised, title_of, worded, worded_interval
from antivenom.glossary import terms
from antivenom.runner.results.reading import Measured

ON_PAGE = ("clean accuracy", "attack success rate")
"""The figures that every page explains."""


def percent(value: float | None) -> str:
    """Return a share in percent, or a dash if it does not apply.

    >>> percent(0.9934), percent(None)
    ('99.3 %', '–')
    """
    return worded(value, "share")


def interval(figure: Measured) -> str:
    """Return a figure's 95 % interval, or the reason why it does not have one."""
    if figure.mean is None:
        return "does not apply"
    bounds = worded_interval(figure.low, figure.high, figure.unit)
    if not bounds:
        return "one seed, no interval" if figure.n == 1 else "no interval"
    return f"95 % interval: {bounds}, n = {figure.n}"


def unbroken(text: str) -> str:
    r"""Return text in which a number stays on one line with its unit, by no-break spaces.

    >>> unbroken("TPR at 1 % FPR"), unbroken("89.0 to 91.0 %, n = 3")
    ('TPR at 1\xa0%\xa0FPR', '89.0 to 91.0\xa0%, n\xa0=\xa03')
    """
    joined = re.sub(r"(?<=\d) (?=%|points)", "\xa0", text)
    joined = re.sub(r"(?<=\d\xa0%) (?=[A-Z]{2})", "\xa0", joined)
    return joined.replace("n = ", "n\xa0=\xa0")


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence.

    >>> listed(["attack", "model", "seed"]), listed(["model"])
    ('attack, model and seed', 'model')
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def heading(kind: str, *, several: bool) -> str:
    """Return a kind of components as a heading, in the plural if there are several.

    >>> heading("scan", several=True), heading("analysis", several=True), heading("stream_defence", several=True)
    ('Scans', 'Analyses', 'Stream defences')
    """
    words = title_of(kind)
    plural = f"{words[:-2]}es" if words.endswith("is") else f"{words}s"
    return capitalised(plural if several else words)


def component(name: str) -> str:
    """Return the title of a component: its own name, or its kind if the kind has only one component.

    >>> component("scan.neural_cleanse"), component("model")
    ('neural_cleanse', 'Model')
    """
    kind, _, own = name.partition(".")
    return own or heading(kind, several=False)


def explained(titles: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the title and the meaning of each figure that the glossary contains, in the order of the titles.

    >>> explained(["TPR", "speed of light"])[0][0]
    'TPR'
    """
    known = {name: term.meaning for term in terms() for name in (term.name, *term.also)}
    return tuple((title, known[title]) for title in dict.fromkeys(titles) if title in known and title not in ON_PAGE)


def made_with(about: dict[str, Any]) -> str:
    """Return sentences about versions, hardware and seed. Entries that a manifest does not have are omitted."""
    entries = {key: about.get(key) for key in ("versions", "hardware")}
    mappings = {key: value if isinstance(value, dict) else {} for key, value in entries.items()}
    used = ", ".join(f"{name} {version}" for name, version in mappings["versions"].items())
    machine = ", ".join(f"{name}: {value}" for name, value in mappings["hardware"].items() if value not in (None, ""))
    parts = [used, machine, f"Seed {about['seed']}" if "seed" in about else ""]
    parts.append(f"Revision {about['git']}" if about.get("git") else "")
    return " ".join(f"{capitalised(part)}." for part in parts if part)
