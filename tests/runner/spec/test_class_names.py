"""A class that is named in place of its number."""

from pathlib import Path
from typing import Any

import pytest

from antivenom.errors import SettingsError
from antivenom.runner import load_spec

ROWS = "a,b,kind\n" + "1,2,cow\n3,4,cat\n5,6,dog\n" * 4


def problems(spec: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as caught:
        load_spec(spec)
    return str(caught.value)


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "mine.csv").write_text(ROWS)
    return {"name": "csv", "path": str(tmp_path / "mine.csv")}


@pytest.mark.parametrize(("name", "number"), [("cat", 0), ("cow", 1), ("dog", 2)])
def test_the_message_has_the_number_of_a_class_that_is_named(data: dict[str, Any], name: str, number: int) -> None:
    words = problems({"dataset": data, "attack": {"name": "badnets", "target": name}})
    assert (
        f"attack.target must be the number of a class, at least 0; got '{name}'. '{name}' is class {number}." in words
    )


def test_a_name_that_is_no_class_gets_the_names(data: dict[str, Any]) -> None:
    words = problems({"dataset": data, "attack": {"name": "badnets", "source": "dogs"}})
    assert "got 'dogs'. The classes 0, 1, … are 'cat', 'cow', 'dog'. Did you mean 'dog'?" in words


def test_the_names_in_a_list_get_their_numbers(data: dict[str, Any]) -> None:
    words = problems({"dataset": data, "attack": {"name": "label_flip", "pairs": [["cat", "dog"]]}})
    assert "'cat' is class 0. 'dog' is class 2." in words


def test_data_that_cannot_be_read_adds_nothing(tmp_path: Path) -> None:
    data = {"name": "csv", "path": str(tmp_path / "absent.csv")}
    words = problems({"dataset": data, "attack": {"name": "badnets", "target": "cat"}})
    assert "got 'cat'." in words
    assert "is class" not in words
