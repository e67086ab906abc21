"""The names of the columns of estimators and of data: equal, assumed, or refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from antivenom.data import Dataset, Splits
from antivenom.data.sources.csv import Csv
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import DataError, SettingsError
from antivenom.metrics import accuracy
from antivenom.models import Classifier, as_classifier
from antivenom.rng import Rng
from antivenom.runner.executors.packing import pack_splits, unpack_splits

WRONG = r"must have the columns 'width', 'height', in this order, as LogisticRegression was fitted; got 'height', 'wid"
IN_ORDER = "The estimator does not know the names of its columns: the columns of the rows are taken in their order."


def table(n: int = 40) -> pd.DataFrame:
    """Return rows whose class is in `width`; `height` has the opposite class."""
    y = np.arange(n) % 2
    return pd.DataFrame({"width": 0.1 + 0.8 * y, "height": 0.9 - 0.8 * y, "kind": y})


def fitted(*, names: bool) -> Classifier:
    x = table()[["width", "height"]]
    estimator = LogisticRegression().fit(x if names else x.to_numpy(), table()["kind"])
    return as_classifier(estimator, input_shape=(2,), bounds=None)


def turned() -> Dataset:
    return Dataset.from_arrays(table()[["height", "width"]], table()["kind"].to_numpy())


def test_columns_in_another_order_are_refused() -> None:
    classifier, data = fitted(names=True), turned()
    assert data.columns == data.subset(torch.arange(3)).columns == ("height", "width")
    with pytest.raises(DataError, match=WRONG):
        accuracy(classifier, data)
    right = Dataset.from_arrays(table()[["width", "height"]], table()["kind"].to_numpy())
    assert accuracy(classifier, right) == 1
    assert any("are 'width', 'height', in this order" in each for each in classifier.assumptions)
    assert accuracy(classifier, Dataset.from_arrays(right.x, right.y)) == 1  # without names


def test_an_estimator_without_names_takes_columns_in_their_order_and_says_so() -> None:
    classifier = fitted(names=False)
    assert IN_ORDER in classifier.assumptions
    assert accuracy(classifier, turned()) == 0
    unfitted = as_classifier(LogisticRegression(), input_shape=(2,), classes=2)
    image = as_classifier(LogisticRegression().fit(np.eye(4), [0, 1, 0, 1]), input_shape=(1, 2, 2))
    assert IN_ORDER not in (*unfitted.assumptions, *image.assumptions)


def test_names_of_columns_that_are_numbers_are_no_names() -> None:
    x = table()[["width", "height"]].set_axis([1, 0], axis=1)
    assert Dataset.from_arrays(x, table()["kind"].to_numpy()).columns == ()


def test_files_give_the_names_of_their_columns(tmp_path: Path) -> None:
    table()[["kind", "height", "width"]].to_csv(tmp_path / "mine.csv", index=False)
    table()[["kind", "height", "width"]].to_parquet(tmp_path / "mine.parquet", index=False)
    for source in (
        Csv(path=str(tmp_path / "mine.csv")),
        Parquet(path=str(tmp_path / "mine.parquet"), image=None, label="kind"),
    ):
        splits = source.load()
        with pytest.raises(DataError, match=WRONG):
            accuracy(fitted(names=True), splits.test)
        assert unpack_splits(*pack_splits(splits)).test.columns == ("height", "width")


def test_a_file_without_names_has_none(tmp_path: Path) -> None:
    table()[["width", "height", "kind"]].to_csv(tmp_path / "mine.csv", index=False, header=False)
    assert Csv(path=str(tmp_path / "mine.csv"), label=-1, header=False).load().test.columns == ()


def test_sets_with_columns_in_different_orders_are_refused() -> None:
    right = Dataset.from_arrays(table()[["width", "height"]], table()["kind"].to_numpy())
    with pytest.raises(DataError, match="must have the same columns in the same order"):
        Splits(train=right, test=turned())
    assert right.split(0.25, Rng(0)).test.columns == ("width", "height")


def test_the_number_of_names_is_checked() -> None:
    with pytest.raises(DataError, match="columns must have one name per number of a row; got 1"):
        Dataset(**{**vars(turned()), "columns": ("width",)})


@pytest.mark.parametrize("columns", [["age"], "age", make_column_selector(dtype_include=float)])
def test_columns_by_name_in_a_column_transformer_are_refused(columns: object) -> None:
    parts = ColumnTransformer([("scaled", StandardScaler(), columns)], remainder="passthrough")
    for estimator in (make_pipeline(parts, GaussianNB()), make_pipeline(make_pipeline(parts), GaussianNB())):
        with pytest.raises(SettingsError, match=r"'scaled' by .* with column numbers: such as \[0, 2\]"):
            as_classifier(estimator, input_shape=(2,), classes=2)
    by_number = ColumnTransformer([("scaled", StandardScaler(), [0])], remainder="passthrough")
    as_classifier(make_pipeline(by_number, GaussianNB()), input_shape=(2,), classes=2)


def test_a_fitted_column_transformer_with_names_gets_the_numbers_of_its_columns() -> None:
    rows = table()
    chosen = list(rows.columns[[1, 0]])
    parts = ColumnTransformer([("scaled", StandardScaler(), chosen)], remainder="passthrough")
    estimator = make_pipeline(parts, GaussianNB()).fit(rows, np.arange(len(rows)) % 2)
    with pytest.raises(
        SettingsError, match=r"Fit it again on an array, with column numbers: \[1, 0\] in the order of '"
    ):
        as_classifier(estimator, input_shape=rows.shape[1])
