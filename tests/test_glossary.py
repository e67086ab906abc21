"""The glossary: one meaning a word, and words that refer to words that are there."""

import pytest

from antivenom.errors import UnknownTermError
from antivenom.glossary import find_term, terms


def test_every_word_stands_once() -> None:
    words = [word.lower() for term in terms() for word in (term.name, *term.also)]
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.name)
def test_a_term_refers_to_terms_that_are_there_and_not_to_itself(term) -> None:
    assert all(find_term(other).name == other for other in term.see)
    assert term.name not in term.see
    assert term.meaning.endswith(".")


@pytest.mark.parametrize(
    ("word", "name"),
    [("COVER-ROWS", "cover rows"), ("asr", "attack success rate"), ("true_positive rate", "true-positive rate")],
)
def test_a_term_is_found_by_any_of_its_names_and_spellings(word: str, name: str) -> None:
    assert find_term(word).name == name


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("doubt", "doubts"),
        ("cover row", "cover rows"),
        ("filters", "filter"),
        ("budgets", "budget"),
        ("analyses", "analysis"),
        ("target classes", "target class"),
        ("surrogate", "surrogate"),
        ("boundaries", "boundary"),
        ("p-values", "p-value"),
        ("truth", "truth"),
    ],
)
def test_a_term_is_found_in_singular_and_plural(word: str, name: str) -> None:
    assert find_term(word).name == name


@pytest.mark.parametrize("word", ["suspicion", "suspicious", "defender"])
def test_words_of_the_messages_are_explained(word: str) -> None:
    assert find_term(word).name == word


def test_an_unknown_word_names_the_nearest() -> None:
    with pytest.raises(UnknownTermError, match="Did you mean 'trigger'"):
        find_term("triger")
