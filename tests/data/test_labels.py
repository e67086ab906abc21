"""Labels of any form become class numbers, or are refused."""

from typing import Any

import numpy as np
import pytest
import torch

from antivenom.data import Dataset, Splits
from antivenom.data.given_classes import names_of
from antivenom.data.samples import from_torch
from antivenom.errors import DataError


def data(y: Any, **settings: Any) -> Dataset:
    return Dataset.from_arrays(np.zeros((len(y), 3)), y, **settings)


FORMS: dict[str, tuple[Any, list[int], tuple[str, ...]]] = {
    "one-hot": (np.eye(3)[[2, 0, 1]], [2, 0, 1], ("0", "1", "2")),
    "one-hot of a class without a row": (np.eye(4)[[2, 0]], [2, 0], ("0", "1", "2", "3")),
    "one-hot bool tensor": (torch.eye(2, dtype=torch.bool), [0, 1], ("0", "1")),
    "a column": ([[1], [0]], [1, 0], ("0", "1")),
    "text": (["dog", "cat", "dog"], [1, 0, 1], ("cat", "dog")),
    "text with spaces": ([" dog", "cat "], [1, 0], ("cat", "dog")),
    "bytes": (np.array([b"dog", b"cat"]), [1, 0], ("cat", "dog")),
    "objects": (np.array(["dog", "cat"], object), [1, 0], ("cat", "dog")),
    "bools": ([True, False], [1, 0], ("0", "1")),
    "whole floats": ([1.0, 0.0, 2.0], [1, 0, 2], ("0", "1", "2")),
    "numbers as objects": (np.array([1, 0], object), [1, 0], ("0", "1")),
    "bfloat16": (torch.tensor([1, 0], dtype=torch.bfloat16), [1, 0], ("0", "1")),
    "from 1": ([3, 1, 2], [2, 0, 1], ("1", "2", "3")),
    "with gaps": ([1010, 1001, 1001], [1, 0, 0], ("1001", "1010")),
    "a gap in the middle": ([0, 1, 3], [0, 1, 2], ("0", "1", "3")),
    "minus one and one": ([-1, 1, 1], [0, 1, 1], ("-1", "1")),
    "far": ([0, 2**62], [0, 1], ("0", str(2**62))),
    "none": (np.zeros(0), [], ()),
}


OTHER = ["from 1", "with gaps", "a gap in the middle", "minus one and one", "far"]


@pytest.mark.parametrize("form", FORMS)
def test_a_label_is_its_class(form: str) -> None:
    y, numbers, classes = FORMS[form]
    made = data(y, renumber=form in OTHER)
    assert (made.y.tolist(), made.classes) == (numbers, classes)


@pytest.mark.parametrize("form", OTHER)
def test_numbers_that_are_not_0_1_2_are_refused_until_they_may_be_renumbered(form: str) -> None:
    with pytest.raises(DataError, match="Pass renumber=True" if "minus" not in form else "negative|renumber=True"):
        data(FORMS[form][0])
    said = data(FORMS[form][0], renumber=True).assumptions[0]
    assert "they are the names of the classes. The classes are" in said


@pytest.mark.parametrize("form", ["one-hot", "bools", "whole floats", "none"])
def test_nothing_is_assumed_of_usual_labels(form: str) -> None:
    assert data(FORMS[form][0]).assumptions == ()


def test_classes_of_text_are_given_with_their_rows() -> None:
    assert data(FORMS["text"][0]).assumptions == ("The classes are dog (2), cat (1).",)
    assert data(["A b", "ab", "c"]).assumptions[1].startswith("'A b' and 'ab' are different classes.")
    many = [f"class {number}" for number in range(9)] + ["class 0", "class 1"]
    assert data(many).assumptions == ("The classes are class 0 (2), class 1 (2), class 2 (1), … class 8 (1).",)


def test_many_numbers_with_gaps_are_measurements_and_class_numbers_are_not() -> None:
    with pytest.raises(DataError, match=r"21 different values in 42 rows.*names such as 'class 21'"):
        data(list(range(5, 26)) * 2, renumber=True)
    assert len(data(list(range(5, 26)) * 3, renumber=True).classes) == 21
    assert len(data(list(range(5, 25)) * 2, renumber=True).classes) == 20
    assert len(data(list(range(40))).classes) == 40
    assert len(data([f"class {number}" for number in range(5, 26)] * 2).classes) == 21


BAD: dict[str, tuple[Any, str]] = {
    "fractions": ([0.7, 0.7], "fractions such as 0.7"),
    "NaN": ([0.0, np.nan], "Row 1 has no label"),
    "None": ([None, 1], "Row 0 has no label"),
    "NaN among text": (np.array(["a", np.nan], object), "Row 1 has no label"),
    "empty text": (["a", " "], "Row 1 has no label"),
    "soft": ([[0.9, 0.1], [0.2, 0.8]], "must be one-hot"),
    "two-hot": ([[1, 1, 0], [0, 1, 0]], "must be one-hot"),
    "masked": (np.ma.masked_equal([0, 1], 1), "masked values; got 1"),
    "unlabelled": ([-1, 0, 1], "must not be negative"),
    "mixed": (
        np.array(["a", 1], object),
        "all numbers or all text; got both, such as 1 and .a.. Make all of them text",
    ),
    "complex": (np.array([1j]), "whole numbers or text"),
    "three axes": (np.zeros((2, 2, 2)), "must have shape"),
    "measurements": (np.arange(300) * 3, "as measurements have"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), "whole numbers or text"),
}


@pytest.mark.parametrize("form", BAD)
def test_what_is_no_label_is_refused(form: str) -> None:
    y, words = BAD[form]
    with pytest.raises(DataError, match=words):
        data(y)


def test_classes_that_are_given_count() -> None:
    assert data([0, 3], classes=5).classes == ("0", "1", "2", "3", "4")
    assert data(["dog", "dog"], classes=("cat", "dog")).y.tolist() == [1, 1]
    assert data([0, 2], classes=("a", "b", "c")).y.tolist() == [0, 2]
    with pytest.raises(DataError, match="'bat' is not among the classes: cat, dog"):
        data(["bat"], classes=("cat", "dog"))
    with pytest.raises(DataError, match="at least 1; got 0"):
        data([0], classes=0)
    with pytest.raises(DataError, match="names of the classes"):
        data(["a"], classes=3)


def test_sets_with_different_classes_are_not_put_together() -> None:
    with pytest.raises(DataError, match=r"the same (row shape|classes)"):
        Splits(train=data([0, 1, 2]), test=data([0, 2], renumber=True))
    train, test = Dataset.several_from_arrays([(np.zeros((3, 2)), [0, 1, 2]), (np.zeros((2, 2)), [0, 2])])
    assert Splits(train=train, test=test).test.y.tolist() == [0, 2]


@pytest.mark.parametrize("classes", [{"dog": 1, "cat": 0}, {1: "dog", 0: "cat"}, {np.int64(1): "dog", 0: "cat"}])
def test_a_mapping_between_names_and_numbers_orders_the_classes(classes: Any) -> None:
    assert data([0, 1], classes=classes).classes == ("cat", "dog")
    assert from_torch([(torch.zeros(2), 0), (torch.zeros(2), 1)], classes=classes).classes == ("cat", "dog")
    assert data(["dog", "cat"], classes=classes).y.tolist() == [1, 0]


WITHOUT_AN_ORDER: dict[str, tuple[Any, str]] = {
    "a set": ({"dog", "cat"}, "order of their numbers; got a set"),
    "one text": ("ab", r"a list such as \['cat', 'dog'\], or the number of classes; got 'ab'"),
    "a bool": (True, "or the number of classes; got True"),
    "a fraction": (2.0, "or the number of classes; got 2.0"),
    "one number twice": ({"cat": 0, "dog": 0}, "each name its own whole number, such as"),
    "numbers as names": ({0: 1, 1: 0}, "each name its own whole number, such as"),
    "an empty mapping": ({}, "each name its own whole number, such as"),
}


@pytest.mark.parametrize("kind", WITHOUT_AN_ORDER)
def test_names_without_an_order_are_refused(kind: str) -> None:
    classes, message = WITHOUT_AN_ORDER[kind]
    with pytest.raises(DataError, match=f"^classes must .*{message}"):
        names_of(classes)


MASKED = np.ma.masked_equal([[0, 1], [2, 3]], 3)


@pytest.mark.parametrize("rows", [list(MASKED), [list(MASKED[0]), list(MASKED[1])]])
def test_masks_inside_lists_are_seen(rows: Any) -> None:
    with pytest.raises(DataError, match="x must not have masked values; got 1"):
        Dataset.from_arrays(rows, [0, 1])
    with pytest.raises(DataError, match="y must not have masked values; got 1"):
        Dataset.from_arrays(np.zeros((2, 2)), rows)
    assert Dataset.from_arrays(list(MASKED[:1]), [0]).x.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("classes", "renumber"),
    [
        ({"one": 1, "two": 2, "five": 5}, False),
        ({5: "five", 1: "one", 2: "two"}, False),
        ({"one": 1, "two": 2, "five": 5}, True),
        (["one", "two", "five"], True),
    ],
)
def test_labels_with_gaps_can_have_names(classes: Any, renumber: bool) -> None:
    made = data([5, 1, 2, 1], classes=classes, renumber=renumber)
    assert made.classes == ("one", "two", "five")
    assert made.y.tolist() == [2, 0, 1, 0]
    assert "the label 1 is class 0, 'one', 2 is class 1, 'two', 5 is class 2, 'five'." in made.assumptions[0]


def test_the_message_about_gaps_says_how_to_name_the_classes() -> None:
    with pytest.raises(DataError, match=r"Pass classes=\{'one': 1, 'two': 2, 'five': 5\}, or .* renumber=True"):
        data([5, 1, 2, 1], classes=["one", "two", "five"])
    with pytest.raises(DataError, match=r"renumber=True .*classes=\{'class 1': 1, 'class 2': 2, 'class 5': 5\}"):
        data([5, 1, 2, 1])
    with pytest.raises(DataError, match=r"among the class numbers 1, 3; got 1, 2, 5\.$"):
        data([5, 1, 2, 1], classes={"one": 1, "three": 3})


def test_a_missing_value_in_an_array_of_text_is_not_a_class() -> None:
    values = ["cat", "dog", np.nan]
    for labels in (np.array(values), values, np.array(["cat", "dog", "nan"], "S3")):
        with pytest.raises(DataError, match=r"Row 2 has no label: it is 'nan'.*y\.astype\(object\)"):
            Dataset.from_arrays(np.zeros((3, 2)), labels)
    names = np.array(["cat", "dog", "nan"], object)
    assert Dataset.from_arrays(np.zeros((3, 2)), names).classes == ("cat", "dog", "nan")


def test_spaces_that_are_removed_from_labels_have_an_assumption() -> None:
    data = Dataset.from_arrays(np.zeros((3, 2)), ["cat ", "cat", "dog"])
    assert data.classes == ("cat", "dog")
    assert "Spaces at the ends of labels are removed: 'cat ' is read as 'cat'." in data.assumptions[0]


def test_classes_without_rows_have_an_assumption() -> None:
    x = np.zeros((3, 2))
    one = "No row has the class 0 ('0'). If the labels count from 1, subtract 1."
    assert Dataset.from_arrays(x, [1, 2, 3], classes=4).assumptions == (one,)
    two = "No row has the class 1 ('b'), 3 ('d')."
    assert Dataset.from_arrays(x, [0, 2, 2], classes=["a", "b", "c", "d"]).assumptions == (two,)
    assert two in Dataset.from_arrays(x, ["a", "c", "c"], classes=["a", "b", "c", "d"]).assumptions
    gaps = Dataset.from_arrays(x, [1, 5, 5], classes={"a": 1, "b": 3, "c": 5}).assumptions
    assert gaps[-1] == "No row has the class 1 ('b')."
    assert not Dataset.from_arrays(x, [0, 1, 2], classes=3).assumptions


def test_multi_hot_labels_are_not_told_argmax() -> None:
    for labels, words in (([[1, 1], [0, 1]], "Row 0 has 2 of them: several"), ([[1, 0], [0, 0]], "Row 1 has none")):
        with pytest.raises(DataError, match=words) as caught:
            Dataset.from_arrays(np.zeros((2, 2)), labels)
        assert "argmax" not in str(caught.value)
    with pytest.raises(DataError, match="argmax"):
        Dataset.from_arrays(np.zeros((2, 2)), [[0.9, 0.1], [0.2, 0.8]])
