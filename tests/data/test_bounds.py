"""The range of rows is said when it is unknown, and messages about it say how to convert the rows."""

from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC
from torch import nn

from antivenom import Dataset
from antivenom.data.needs import range_advice
from antivenom.data.samples import from_torch
from antivenom.errors import DataError, SettingsError
from antivenom.models import as_classifier
from antivenom.settings.fits import check_fits

PIXELS = np.arange(2 * 105).reshape(2, 1, 5, 21)


def made(x: Any, **settings: Any) -> Dataset:
    return Dataset.from_arrays(x, [0, 1], **settings)


@pytest.mark.parametrize("x", [PIXELS, PIXELS.astype(float), PIXELS.reshape(2, -1), torch.tensor(PIXELS)])
def test_whole_numbers_that_look_like_pixels_have_an_assumption(x: Any) -> None:
    data = made(x)
    assert data.bounds is None
    assert "whole numbers from 0 to 209 that are not uint8" in data.assumptions[0]
    assert "Set bounds to (0, 255)" in data.assumptions[0]
    assert not made(x, bounds=(0, 255)).assumptions
    assert not made(np.asarray(x) / 255).assumptions
    assert not made(np.asarray(x) - 1).assumptions
    assert "Set bounds to (0, 16) if" in made(np.asarray(x) % 17).assumptions[0]
    assert not made(np.asarray(x).reshape(2, -1)[:, :5]).assumptions


@pytest.mark.parametrize(
    ("x", "bounds", "words"),
    [
        (PIXELS, (0, 1), r"got 0 to 209\. Divide x by 255, or set bounds to \(0, 255\), if"),
        (PIXELS, (-1, 1), r"Subtract 127\.5 from x and divide by 127\.5, or set bounds to \(0, 255\)"),
        (PIXELS - 300.5, (0, 1), r"or set bounds to \(-301, -91\)"),
        (PIXELS, (1, 0), "low < high"),
    ],
)
def test_rows_out_of_their_bounds_say_how_to_scale_them(x: Any, bounds: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        made(x, bounds=bounds)


def test_the_advice_about_a_range_gives_the_same_scores() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    settings: dict[str, Any] = {"input_shape": (1, 4, 4), "classes": 2}
    classifier = as_classifier(module, bounds=(0, 1), **settings)
    rows = torch.arange(32.0).reshape(2, 1, 4, 4) * 8
    advice = r"Divide the rows by 255\. .*you want to keep your rows: as_classifier\(model, bounds=\(0, 255\), mean=0, "
    with pytest.raises(DataError, match=advice + r"std=255\).*Only if it was trained on rows in \[0, 255\]: bounds="):
        classifier.scores(rows)
    kept = as_classifier(module, bounds=(0, 255), mean=0, std=255, **settings)
    torch.testing.assert_close(kept.scores(rows), classifier.scores(rows / 255))
    signed = as_classifier(module, bounds=(-1, 1), **settings)
    with pytest.raises(DataError, match=r"Subtract 127\.5 from the rows and divide by 127.*mean=127\.5, std=127\.5"):
        signed.scores(rows)
    with pytest.raises(DataError, match=r"Scale the rows as in the training of the model"):
        classifier.scores(rows - 1000)


def test_advice_about_a_missing_range_is_for_specs_and_for_python() -> None:
    assert range_advice(made(PIXELS)).endswith(
        "Set dataset.bounds, for example [0, 255]; for data made in Python, pass bounds=(0, 255) to "
        "Dataset.from_arrays."
    )


def test_text_as_a_mean_is_shown_as_text() -> None:
    wrong: Any = "0.5"
    with pytest.raises(SettingsError, match=r"got '0\.5'"):
        as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), input_shape=(1, 2, 2), classes=2, mean=wrong)


@pytest.mark.parametrize("high", [2, 3, 15, 16, 31, 100])
def test_255_is_not_named_for_rows_that_do_not_fill_its_range(high: int) -> None:
    x = torch.arange(32.0).reshape(2, 1, 4, 4) % high
    x[0, 0, 0, 0] = high
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    classifier = as_classifier(module, bounds=(0, 1), input_shape=(1, 4, 4), classes=2)
    with pytest.raises(DataError) as far:
        check_fits(classifier, made(x))
    with pytest.raises(DataError) as stated:
        made(x, bounds=(0, 1))
    for message in (str(far.value), str(stated.value), range_advice(made(x)), *made(x).assumptions):
        assert "255" not in message
    assert f"If {high} is the largest possible value, divide the rows by {high}." in str(far.value)
    assert f"Divide x by {high}, or set bounds to (0, {high}), if" in str(stated.value)
    assert f"[0, {high}]" in range_advice(made(x))


@pytest.mark.parametrize(("high", "scale"), [(255, 255), (200.5, 255), (65535, 65535), (60000, 65535)])
def test_scales_of_8_and_16_bits_are_named(high: float, scale: int) -> None:
    x = torch.linspace(0, high, 32).reshape(2, 1, 4, 4)
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    classifier = as_classifier(module, bounds=(0, 1), input_shape=(1, 4, 4), classes=2)
    with pytest.raises(DataError, match=rf"got values from 0 to {high:g}\. Divide the rows by {scale}\."):
        check_fits(classifier, made(x))


def test_no_divisor_is_named_for_fractions_in_no_usual_range() -> None:
    x = torch.linspace(0, 3.7, 32).reshape(2, 1, 4, 4)
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    classifier = as_classifier(module, bounds=(0, 1), input_shape=(1, 4, 4), classes=2)
    with pytest.raises(DataError, match=r"Scale the rows as in the training of the model"):
        check_fits(classifier, made(x))


@pytest.mark.parametrize(
    "bounds", [255, (0, 1, 2), "01", (1, 0), (0, float("nan")), ("0", "1"), np.float64(3), object()]
)
@pytest.mark.parametrize("x", [PIXELS, PIXELS.astype(np.uint8)])
def test_bounds_that_are_not_a_range_are_refused(bounds: Any, x: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # outside the tests nobody checks the type
    with pytest.raises(DataError, match=r"bounds must be two finite numbers \(low, high\) with low < high; got"):
        made(x, bounds=bounds)
    with pytest.raises(DataError, match="bounds must be two finite numbers"):
        from_torch(list(zip(x, [0, 1], strict=True)), bounds=bounds)


def test_one_number_as_bounds_is_refused_with_the_range_to_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # outside the tests nobody checks the type
    with pytest.raises(DataError, match=r"got 255. Did you mean \(0, 255\)\?"):
        made(PIXELS, bounds=255)
    with pytest.raises(SettingsError, match=r"got 255. Did you mean \(0, 255\)\? None is for any range."):
        as_classifier(nn.Linear(3, 2), input_shape=3, bounds=255)  # type: ignore[arg-type]
    assert made(PIXELS, bounds=np.array([0, 255])).bounds == (0.0, 255.0)


def test_an_estimator_is_never_told_mean_and_std() -> None:
    x = np.random.default_rng(0).integers(0, 17, (40, 6)).astype(np.float32)
    x[0, 0] = 16
    data = Dataset.from_arrays(x, np.arange(40) % 2)
    for estimator in (GaussianNB(), make_pipeline(MinMaxScaler(), SVC(probability=True))):
        classifier = as_classifier(estimator, input_shape=6, classes=2)
        with pytest.raises(DataError, match=r"If 16 is the largest possible value, divide the rows by 16\.") as got:
            check_fits(classifier, data)
        assert "mean=" not in str(got.value)
        assert "a first step of a Pipeline that is fitted with it" in str(got.value)
        assert "rows in [0, 16]: as_classifier(model, bounds=(0, 16))." in str(got.value)
        check_fits(as_classifier(estimator, input_shape=6, classes=2, bounds=(0, 16)), data)
    with pytest.raises(DataError, match=r"as_classifier\(model, bounds=\(0, 16\), mean=0, std=16\)"):
        check_fits(as_classifier(nn.Linear(6, 2), input_shape=6), data)
