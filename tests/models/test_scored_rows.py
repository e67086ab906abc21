"""Rows that `scores` refuses: another shape, type or range."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.naive_bayes import GaussianNB
from torch import Tensor, nn

from antivenom.data import Dataset
from antivenom.defences import Subject, Verdict
from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier, Filtered, any_range, as_classifier
from antivenom.models.mlp import MLP
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.training.end_to_end import EndToEnd

SHAPE = (1, 8, 8)


def rows(n: int = 5) -> Tensor:
    return torch.rand(n, *SHAPE, generator=Rng(0).generator())


def flat() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


class AcceptsAll:
    def accepts(self, x: Tensor) -> Tensor:
        return torch.ones(len(x), dtype=torch.bool)


def estimator(bounds: Any = (0.0, 1.0)) -> Classifier:
    fitted = GaussianNB().fit(rows(30).flatten(1).numpy(), np.arange(30) % 3)
    return as_classifier(fitted, input_shape=SHAPE, bounds=bounds)


MAKE: dict[str, Any] = {
    "module": lambda bounds=(0.0, 1.0): as_classifier(flat(), input_shape=SHAPE, bounds=bounds),
    "mlp": lambda bounds=(0.0, 1.0): MLP().build(input_shape=SHAPE, classes=3, bounds=bounds, rng=Rng(0)),
    "estimator": estimator,
    "filtered": lambda bounds=(0.0, 1.0): Filtered(
        as_classifier(flat(), input_shape=SHAPE, bounds=bounds), AcceptsAll()
    ),
}
each = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)


@each
@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (torch.rand(5, 64), r"shape \(64,\)"),
        (torch.rand(5, 8, 8, 1), r"shape \(8, 8, 1\)"),
        (torch.rand(5, 1, 4, 16), r"shape \(1, 4, 16\)"),
        (torch.rand(0, 9), r"shape \(9,\)"),
        (torch.rand(1, 8, 8), r"one row.*x\[None\]"),
        (torch.rand(()), r"shape \(\)"),
    ],
)
def test_another_shape_is_refused(make: Any, x: Tensor, shown: str) -> None:
    with pytest.raises(DataError, match=rf"must have rows of shape \(1, 8, 8\), as \w+ takes; got .*{shown}"):
        make().scores(x)


@each
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_whole_numbers_are_refused(make: Any, dtype: torch.dtype) -> None:
    name = str(dtype).removeprefix("torch.")
    with pytest.raises(DataError, match=rf"floating-point.*got {name}\. .*inputs\(\).*\.float\(\)"):
        make().scores(rows().to(dtype))


@each
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_precisions_are_converted(make: Any, dtype: torch.dtype) -> None:
    classifier, x = make(), rows().to(dtype)
    assert torch.allclose(classifier.scores(x), classifier.scores(x.float()), atol=1e-6)


@each
@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (lambda x: 255 * x, "values from"),
        (lambda x: 255 * x - 128, "values from -1"),
        (lambda x: x - 20, "values from -"),
        (lambda x: x.clone().index_fill_(0, torch.tensor([2]), torch.nan), "finite"),
        (lambda x: x.clone().index_fill_(0, torch.tensor([2]), torch.inf), "finite"),
    ],
)
def test_rows_far_outside_of_the_range_are_refused(make: Any, change: Any, shown: str) -> None:
    with pytest.raises(DataError, match=shown) as caught:
        make().scores(change(rows()))
    assert "finite" in shown or "bounds=" in str(caught.value)


@each
@pytest.mark.parametrize(
    "change",
    [
        lambda x: 3 * x,
        lambda x: (x - 0.45) / 0.225,
        lambda x: torch.randn(20, *SHAPE, generator=Rng(2).generator()),
        lambda x: 2 * x - 1,
    ],
)
def test_rows_more_than_half_of_the_range_outside_are_refused_and_scored_on_purpose(make: Any, change: Any) -> None:
    classifier, x = make(), change(rows(20))
    with pytest.raises(DataError, match=r"must have rows in \[0, 1\].*got values from"):
        classifier.scores(x)
    with pytest.raises(DataError, match=r"on purpose.*with any_range\(\)"):
        classifier.scores(3 * rows(20))  # 0 to 3 is not 0 to 255
    with any_range():
        assert classifier.scores(x).shape == (20, 3)
    with pytest.raises(DataError, match="got values from"):  # only inside of the block
        classifier.scores(x)


@each
def test_rows_in_the_unit_range_are_refused_by_a_model_of_bytes(make: Any) -> None:
    with pytest.raises(DataError, match=r"\[0, 255\].*as if rows were in \[0, 1\]"):
        make(bounds=(0.0, 255.0)).scores(rows())
    assert make(bounds=(0.0, 255.0)).scores(rows().round()).shape == (5, 3)  # a dark image


@each
def test_rows_near_the_range_are_scored_and_any_range_if_there_are_no_bounds(make: Any) -> None:
    classifier, x = make(), rows()
    for near in (1.2 * x, x - 0.5, x + 0.1 * torch.randn(x.shape, generator=Rng(1).generator())):
        assert classifier.scores(near).shape == (5, 3)
    assert make(bounds=None).scores(255 * x - 100).shape == (5, 3)
    assert make(bounds=(0.0, 255.0)).scores(255 * x).shape == (5, 3)


@component
class NoisyScan:
    """A scan that adds strong noise to rows."""

    needs = frozenset[str]()

    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        assert clean is not None
        x = clean.inputs()
        classifier.scores(x + torch.randn(x.shape, generator=rng.generator()))
        number, yes = torch.zeros(1), torch.zeros(1, dtype=torch.bool)
        return Verdict(
            subjects=(Subject(),),
            statistic=number,
            p_value=number + 1,
            flagged=yes,
            inconclusive=yes,
            false_alarm_rate=0.05,
        )


@each
def test_a_component_may_add_noise_to_rows_that_were_checked(make: Any) -> None:
    data = Dataset.from_arrays(rows(20), torch.arange(20) % 3, bounds=(0, 1), channels="first")
    assert not NoisyScan().scan(make(), data, rng=Rng(0)).is_suspicious
    far = Dataset.from_arrays(3 * rows(20), torch.arange(20) % 3, bounds=(0, 3), channels="first")
    with pytest.raises(DataError, match=r"must have rows in \[0, 1\]"):
        NoisyScan().scan(make(), far, rng=Rng(0))


@each
def test_no_rows_have_no_scores(make: Any) -> None:
    assert make().scores(rows(0)).shape == (0, 3)


def test_data_with_more_classes_than_the_model_names_both_ways_out() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    data = Dataset.from_arrays(torch.rand(10, 1, 4, 4), torch.arange(10), bounds=(0, 1), channels="first")
    classifier = as_classifier(module, input_shape=(1, 4, 4))
    for again in (data, data.subset(data.y < 2)):
        with pytest.raises(
            DataError, match=r"Use a model with 10 classes\. If the classes of the model are the fir"
        ) as got:
            EndToEnd(epochs=1).fit(classifier, again, rng=Rng(0))
    first, call = re.findall(r"rows = (data\.subset\(.*?\)); (Dataset\.from_arrays\(.*\))\.$", str(got.value))[0]
    rows = eval(first)
    fitting = eval(call, {"rows": rows, "data": data, "Dataset": Dataset})
    assert (len(fitting), fitting.classes, fitting.bounds) == (2, ("0", "1"), (0.0, 1.0))
    EndToEnd(epochs=1).fit(classifier, fitting, rng=Rng(0))


def test_data_with_fewer_classes_than_the_model_names_a_call_that_works() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    classifier, x = as_classifier(module, input_shape=(1, 4, 4)), torch.rand(10, 1, 4, 4)
    settings: Any = {"bounds": (0, 1), "channels": "first"}
    numbers = Dataset.from_arrays(x, torch.arange(10) % 2, **settings)
    with pytest.raises(DataError, match=r"Pass all of them: Dataset\.from_arrays\(x, y, classes=3\)\."):
        EndToEnd(epochs=1).fit(classifier, numbers, rng=Rng(0))
    labels = ["cat", "owl"] * 5
    with pytest.raises(DataError, match=r"the names of all 3 classes, in the order of the model: .*classes=\['cat', …"):
        EndToEnd(epochs=1).fit(classifier, Dataset.from_arrays(x, labels, **settings), rng=Rng(0))
    fitting = Dataset.from_arrays(x, labels, classes=["cat", "dog", "owl"], **settings)
    EndToEnd(epochs=1).fit(classifier, fitting, rng=Rng(0))
    with pytest.raises(DataError, match=r"got 3\. Pass a list of all names in .*; these occur: 'cat', 'owl'\."):
        Dataset.from_arrays(x, labels, classes=3, **settings)


def test_grey_images_with_three_channels_name_the_mode() -> None:
    grey = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), input_shape=(1, 4, 4))
    colour = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), input_shape=(3, 4, 4))
    with pytest.raises(DataError, match=r"set mode to grey for their data set.*input_shape=\(3, 4, 4\)"):
        grey.scores(torch.rand(2, 3, 4, 4))
    with pytest.raises(DataError, match="set mode to rgb for their data set"):
        colour.scores(torch.rand(2, 1, 4, 4))
    with pytest.raises(SettingsError, match=r"the data has rows of \(3, 4, 4\) .*set mode to grey for their data set"):
        grey.build(input_shape=(3, 4, 4), classes=2, bounds=(0.0, 1.0), rng=Rng(0))
