"""The message about trusted rows that are not enough, with the remedies in their order."""

from collections.abc import Iterable

OTHERWISE = ". Or "
"""The end of a sentence and the beginning of one about another way out. That one comes after the remedy."""


def with_remedy(subject: str, problems: Iterable[str], remedy: str) -> str:
    """Return all problems of a component in one text, its remedy, and then other ways out.

    >>> with_remedy("F", ["requires 9 rows.", "requires class 1. Or accept it."], "Pass them as `clean`.")
    'F requires 9 rows. F requires class 1. Pass them as `clean`. Or accept it.'
    >>> with_remedy("F", ["requires a row of 'Or Else'. Or accept it."], "Pass it as `clean`.")
    "F requires a row of 'Or Else'. Pass it as `clean`. Or accept it."
    """
    parts = [problem.partition(OTHERWISE) for problem in problems]
    stated = " ".join(f"{subject} {first}{word[:1]}" for first, word, _ in parts)
    others = "".join(dict.fromkeys(f"{word[1:]}{rest}" for _, word, rest in parts))
    return f"{stated} {remedy}{others}"
