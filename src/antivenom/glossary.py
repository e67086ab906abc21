"""The words of the field, as antivenom uses them: one meaning each. The documentation and the command show them."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from antivenom.errors import UnknownTermError
from antivenom.registry import did_you_mean


@dataclass(frozen=True)
class Term:
    """A word and its meaning.

    Args:
        name: the word.
        meaning: one to three sentences.
        see: other words that belong to it.
        also: other names of the same thing, in papers and other libraries.
    """

    name: str
    meaning: str
    see: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@cache
def terms() -> tuple[Term, ...]:
    """Return all terms in alphabetical order. The file is read at the first call.

    >>> terms()[0].name
    'accuracy drop'
    """
    entries = tomllib.loads((files("antivenom") / "glossary.toml").read_text(encoding="utf-8"))
    return tuple(sorted((_term(name, entry) for name, entry in entries.items()), key=lambda term: term.name.lower()))


def find_term(word: str) -> Term:
    """Return the term with this name, or with this other name.

    Case, hyphens and underscores do not matter, and the last word may be singular or plural.

    Raises:
        UnknownTermError: the glossary does not have it; the message names the nearest.

    >>> find_term("ASR").name
    'attack success rate'
    """
    for spelled in (_plain, _singular):
        for term in terms():
            if spelled(word) in map(spelled, (term.name, *term.also)):
                return term
    known = [name for term in terms() for name in (term.name, *term.also)]
    raise UnknownTermError(
        f"The glossary has no '{word}'.{did_you_mean(word, known)} `antivenom glossary` lists all terms."
    )


def _plain(word: str) -> str:
    return " ".join(word.lower().replace("-", " ").replace("_", " ").split())


def _singular(word: str) -> str:
    """Return the usual singular of a plain word; a word that is singular may lose its last letters."""
    plain = _plain(word)
    for plural, singular in (("ies", "y"), ("yses", "ysis"), ("sses", "ss"), ("xes", "x")):
        if plain.endswith(plural):
            return plain.removesuffix(plural) + singular
    return plain if plain.endswith(("ss", "is", "us")) else plain.removesuffix("s")


def _term(name: str, entry: dict[str, Any]) -> Term:
    return Term(name, entry["meaning"], tuple(entry.get("see", ())), tuple(entry.get("also", ())))
