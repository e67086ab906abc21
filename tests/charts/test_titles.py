"""Names in words: the field's abbreviations are written as the field writes them, wherever a name is shown."""

import pytest

from antivenom.charts import Figure, capitalised, title_of
from antivenom.cli_tables import by_component
from antivenom.report.sections import card_of
from antivenom.report.tables import figures_table, subjects_tables
from antivenom.runner.results.comparing import scale_of
from antivenom.runner.results.reading import Measured

TITLES = {
    "auroc": "AUROC",
    "tpr": "TPR",
    "fpr": "FPR",
    "tpr_at_1_percent_fpr": "TPR at 1 % FPR",
    "p_value": "p-value",
    "cka": "CKA",
    "penultimate_cka": "penultimate CKA",
    "mask_iou": "mask IoU",
    "pca": "PCA",
    "tsne": "t-SNE",
    "umap": "UMAP",
    "kl": "KL",
    "clean_accuracy": "clean accuracy",
}


@pytest.mark.parametrize("name", TITLES)
def test_a_name_in_words(name: str) -> None:
    assert title_of(name) == TITLES[name] == Figure(name=name, value=None).title


def test_a_capital_letter_stands_only_before_words() -> None:
    assert capitalised("mask precision") == "Mask precision"
    assert [capitalised(words) for words in ("p-value", "t-SNE", "AUROC", "")] == ["p-value", "t-SNE", "AUROC", ""]
    assert capitalised("neural_cleanse: p-value") == "neural_cleanse: p-value"


def _measured(name: str, subject: str = "") -> Measured:
    return Measured(
        name=name,
        component="detector.blame",
        mean=0.5,
        n=1,
        low=None,
        high=None,
        unit="share",
        subject=subject,
        headline=True,
    )


@pytest.mark.parametrize(("name", "title"), [("auroc", "AUROC"), ("p_value", "p-value"), ("mask_iou", "Mask IoU")])
def test_the_report_writes_it_so(name: str, title: str) -> None:
    figure = _measured(name)
    assert [line.title for line in card_of("detector.blame", [figure]).lines] == [title]
    sheet = figures_table([figure])
    assert sheet is not None
    assert sheet.rows[0][0].text == title
    assert subjects_tables([_measured(name, "a")])[0].caption.startswith(title)


def test_the_terminal_and_charts_write_it_so() -> None:
    entry = {**vars(_measured("auroc"))}
    assert by_component({"detector.blame.auroc": entry})["detector.blame"][0][0] == "AUROC"
    assert scale_of({"name": "auroc", "unit": "share"}) == (100.0, "AUROC, %")
    assert scale_of({"name": "p_value", "unit": "p_value"}) == (1.0, "p-value")
