"""The optional declarations of a component: its needs, its checks and its files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from antivenom.errors import ADVICE, ComponentError, in_words
from antivenom.settings.wording import short

NEEDS = {
    "gradients": "the classifier is differentiable",
    "features": "the classifier has layers with features",
    "incremental": "the classifier learns batch by batch",
    "probabilities": "the classifier returns probabilities",
    "images": "the rows are images",
    "bounds": "the data has a known range",
    "tokens": "the rows are tokens",
    "surrogate": "the runner trains a surrogate for the attack",
    "earlier_model": "the defender has a model from before the rows arrived",
    "triggers": "a scan recovered triggers",
}
"""The requirements that a component may declare: of the classifier, of the data, of the runner."""

USES = {"logits": "gradients", "features": "features", "layers": "features", "learn": "incremental"}
"""The methods of a classifier that require an ability."""


@runtime_checkable
class ChecksItself(Protocol):
    """A component that checks before a run that its settings fit."""

    def problems(self, subject: Any) -> Iterable[str]:
        """Return a sentence for each problem.

        Args:
            subject: the object that the settings must fit: the training data for an attack or a training, the shape of
                a row for a model, an untrained classifier for a defence, a repair or an analysis.
        """


@runtime_checkable
class ChecksCleanRows(Protocol):
    """A defence or a repair that checks whether trusted rows are enough, before anything is trained.

    A run asks every repeat's rows at its check; a call from Python asks before the main method. A component inside
    another one, such as a step of `Sequential`, is asked by that one.
    """

    def clean_problems(self, clean: Any) -> Iterable[str]:
        """Return a sentence without its subject for each problem, such as "requires at least 20 trusted rows; got 8.".

        Only what rows and labels tell for certain is a problem. If the result depends on the predictions of the
        classifier, return an inconclusive verdict instead. A sentence that says how to give more rows is added. Another
        way out, a sentence that begins with "Or", comes after it.

        Args:
            clean: the data set that the main method receives as `clean`. A filter receives half of the trusted rows.
        """


@runtime_checkable
class TakesNotes(Protocol):
    """A result about a classifier, such as a `Verdict`: the call that returned it adds what the result rests on."""

    def with_notes(self, assumptions: Iterable[str], doubts: Iterable[str]) -> Any:
        """Return a copy with more assumptions about the classifier, and doubts about its rows, a sentence each."""


@runtime_checkable
class ReadsFiles(Protocol):
    """A component that reads files. The bytes of the files are part of the keys of its results."""

    def files(self) -> tuple[Path, ...]:
        """Return the paths of the files. The runner checks first that they exist."""


@runtime_checkable
class DeclaresNeeds(Protocol):
    """A component that declares its requirements. `@component` makes every component one."""

    @property
    def needs(self) -> frozenset[str]:
        """The requirements, keys of `NEEDS`."""


def needs_of(part: object) -> frozenset[str]:
    """Return the requirements of an object; empty if it declares none, such as a classifier made in Python."""
    try:
        needs = part.needs if isinstance(part, DeclaresNeeds) else frozenset()
    except Exception as error:  # a property of a component may raise anything
        raise ComponentError(f"{type(part).__name__}.needs raised {in_words(error)}. {ADVICE}") from error
    if not isinstance(needs, frozenset):
        raise ComponentError(f"{type(part).__name__}.needs must be a frozenset of words; got {short(needs)}.")
    return needs


def needs_advice(declared: frozenset[str], ability: str) -> str:
    """Return what to write in a component's class so that it declares an ability.

    >>> needs_advice(frozenset(), "features")
    'needs = frozenset({"features"})'
    """
    words = ", ".join(f'"{word}"' for word in sorted({*declared, ability}))
    return f"needs = frozenset({{{words}}})"
