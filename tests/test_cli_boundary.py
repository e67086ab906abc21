"""The command `boundary`: what it writes, and nonsense."""

import json
from pathlib import Path

import pytest
from PIL import Image
from sklearn.datasets import make_classification
from typer.testing import CliRunner

from antivenom import load_spec
from antivenom.cli import app
from antivenom.errors import AntivenomError, RunError, SettingsError
from antivenom.report.lesson import write_lesson
from antivenom.runner.lesson import lesson_points, lesson_ranges, lesson_source
from antivenom.runner.lesson_table import read_lesson_table


@pytest.mark.slow
def test_the_command_writes_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rough = ["--set", "analysis.0.step=0.1", "--set", "analysis.0.drawn=20"]
    ran = CliRunner().invoke(app, ["boundary", "--repeats", "1,3", "--out", "there", *rough], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    told = json.loads(Path("there/boundary.json").read_text())
    assert [each["calls"] for each in told["after"]] == [1, 3]
    names = ["1-contours", "2-boundary", "poison", "3-after-1", "4-after-3", "walk", "curve"]
    for name in names:
        with Image.open(f"there/figures/{name}.png") as picture:
            assert picture.size[0] > 300
        assert Path(f"there/figures/{name}.svg").read_text().rstrip().endswith("</svg>")
    with Image.open("there/boundary.gif") as film:
        assert (film.n_frames, film.info["loop"]) == (4, 0)
    page = Path("there/report.html").read_text()
    assert "changed its class" in page
    assert "After 3 calls" in page
    sentence = "The 5 poison points of class 1 lie on a line from (-2, 0.1) to (-1, 0.1)."
    assert sentence in ran.output.replace("\n", " ")
    assert "? There is only one seed" in ran.output, "the doubts of the run"
    again = tmp_path / "again"
    load_spec("there/spec.yaml").run(out=again)
    assert write_lesson(again, [1, 3]) == told, "the spec it leaves gives the same numbers"
    for name in ("figures/walk.svg", "figures/walk.png", "boundary.gif"):
        assert (again / name).read_bytes() == Path("there", name).read_bytes()
    with pytest.raises(RunError, match="does not have a checkpoint after 4"):
        write_lesson(again, [1, 4])


METRES = "metres;kilograms;number;sex\n" + "".join(
    f"{1.5 + 0.1 * a:.3f};{60 + 12 * b:.2f};{row};{['man', 'woman'][c]}\n"
    for row, ((a, b), c) in enumerate(
        zip(*make_classification(80, 2, n_informative=2, n_redundant=0, random_state=3), strict=True)
    )
)
COARSE = ["--set", "analysis.0.step=0.1", "--set", "analysis.0.drawn=20", "--repeats", "2", "--out", "there"]
READ = ["--data", "mine.csv", "--set", "dataset.separator=;", "--set", "dataset.ignore=[number]"]


@pytest.mark.slow
def test_a_table_in_metres_and_kilograms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(METRES)
    options = [*READ, *COARSE, "--estimator", "SGDClassifier", "--points", "1.52,70.5;1.6,75", "--labels", "man"]
    ran = CliRunner().invoke(app, ["boundary", *options], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    numbers = json.loads(Path("there/boundary.json").read_text())
    assert numbers["points"] == [{"x": 1.52, "y": 70.5, "label": 0}, {"x": 1.6, "y": 75.0, "label": 0}]
    assert (numbers["classes"], numbers["columns"]) == (["man", "woman"], ["metres", "kilograms"])
    assert numbers["shown"]["x"][0] < 1.4 < 1.6 < numbers["shown"]["x"][1]
    assert numbers["shown"]["y"][0] < 45 < 75 < numbers["shown"]["y"][1]
    assert numbers["square"]["high"] < 10, "the columns are standardised"
    assert "woman" in ran.output
    assert "Assumed: mine.csv: The lesson subtracts the mean" in ran.output
    for name in ("there/report.html", "there/manifest.json"):
        written = Path(name).read_text()
        assert "mine.csv: The lesson subtracts the mean of the training rows" in written, name
        assert "table-train.csv: " not in written, "the report names the assumptions about a file of the lesson"
    again = tmp_path / "again"
    load_spec("there/spec.yaml").run(out=again)
    assert write_lesson(again, [2]) == numbers, "the spec gives the same numbers again"
    assert "Filled points are class man, hollow points class woman." in Path("there/report.html").read_text()
    second = CliRunner().invoke(app, ["boundary", *options, "--json"], catch_exceptions=False)
    assert second.exit_code == 0, "a run replaces an earlier one in the same folder"


REFUSED = ["--set", "train_rows=100000"]


@pytest.mark.parametrize("out", ["there", "there/deeper"])
def test_a_lesson_that_is_refused_leaves_nothing(out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(METRES)
    with pytest.raises(SettingsError, match="train_rows must be at most"):
        CliRunner().invoke(app, ["boundary", *READ, *REFUSED, "--out", out], catch_exceptions=False)
    assert [each.name for each in tmp_path.rglob("*")] == ["mine.csv"]


def test_a_lesson_that_is_refused_leaves_an_empty_folder_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(METRES)
    Path("there").mkdir()
    with pytest.raises(SettingsError, match="train_rows must be at most"):
        CliRunner().invoke(app, ["boundary", *READ, *REFUSED, "--out", "there"], catch_exceptions=False)
    assert list(Path("there").iterdir()) == []


@pytest.mark.slow
def test_a_lesson_that_is_refused_keeps_an_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(METRES)
    options = [*READ, *COARSE, "--estimator", "SGDClassifier"]
    assert CliRunner().invoke(app, ["boundary", *options], catch_exceptions=False).exit_code == 0
    files = {each: each.read_bytes() for each in Path("there").rglob("*") if each.is_file()}
    Path("mine.csv").write_text(METRES.replace("1.5", "1.7"))
    with pytest.raises(SettingsError, match="train_rows must be at most"):
        CliRunner().invoke(app, ["boundary", *options, *REFUSED], catch_exceptions=False)
    assert {each: each.read_bytes() for each in Path("there").rglob("*") if each.is_file()} == files


def test_the_table_of_a_lesson_is_not_written_beside_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.csv", "table-train.csv"):
        Path(name).write_text(METRES)
    with pytest.raises(RunError, match="is not a run of antivenom"):
        CliRunner().invoke(app, ["boundary", *READ, "--out", "."], catch_exceptions=False)
    assert Path("table-train.csv").read_text() == METRES


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--aim=3,60"], r"from 1\.\d+ to 1\.\d+ for metres and from \d+\S* to \d+\S* for kilograms; got 3,60"),
        (["--labels", "child"], "must be man or woman, once for all 5 points or once for each; got 'child'"),
        (["--set", "dataset.bounds=[0, 1]"], "bounds must be null"),
        (["--set", "dataset.ignore=[]"], "must have 2 columns of numbers besides the label; got 3"),
        (["--set", "dataset.sperator=x"], r"dataset\.sperator is not a setting"),
    ],
)
def test_what_does_not_fit_a_table(
    arguments: list[str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(METRES)
    with pytest.raises(SettingsError, match=problem):
        CliRunner().invoke(app, ["boundary", *READ, *arguments], catch_exceptions=False)
    assert not (tmp_path / "runs").exists(), "nothing is written"


def test_a_table_is_read_with_all_settings_of_its_data_set(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    rows = "".join(f"{n};1,{n};{40 + n},5;{'ab'[n % 2]}\n" for n in range(10, 50))
    file.write_text("id;metres;kilograms;c\n" + rows + "50;1,5;60,5;\n")
    settings = {"separator": ";", "decimal": ",", "ignore": "id", "label": "c", "missing_rows": "drop"}
    table = read_lesson_table({"name": "csv", "path": str(file), **settings})
    assert table.columns == ("metres", "kilograms")
    assert len(table.rows()) == 40
    made = table.write(tmp_path / "run")
    again = read_lesson_table(made)
    assert again.classes == ("a", "b")
    assert abs(again.centre[0]) < 1e-6
    assert abs(again.unit[1] - 1) < 1e-6


def test_columns_in_different_units_have_points_within_each_of_their_ranges(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("metres,kilograms,c\n" + "".join(f"{1.5 + 0.01 * n},{40 + n},{n % 2}\n" for n in range(50)))
    table = read_lesson_table(lesson_source(str(file)))
    for point in lesson_points(lesson_ranges(table.rows())):
        assert 1.5 < point[0] < 2
        assert 40 < point[1] < 90
    assert abs(table.standardised([table.in_units((1.5, -2.0))])[0][0] - 1.5) < 1e-6


def test_an_aim_far_outside_says_where_the_data_is() -> None:
    with pytest.raises(SettingsError) as caught:
        CliRunner().invoke(app, ["boundary", "--aim=50,50"], catch_exceptions=False)
    assert str(caught.value) == (
        "--aim must be inside the square around the data, from -3 to 3 in both directions; got 50,50. "
        "Choose a point near the data."
    )


@pytest.mark.slow
def test_aim_by_the_command(tmp_path: Path) -> None:
    options = [
        "--aim=-2,-0.5",
        "--repeats",
        "12",
        "--estimator",
        "SGDClassifier",
        "--set",
        "model.settings.loss=log_loss",
        "--out",
        str(tmp_path / "run"),
    ]
    options += ["--set", "analysis.0.step=0.1", "--set", "analysis.0.drawn=20", "--set", "attack.evaluations=90"]
    ran = CliRunner().invoke(app, ["boundary", *options], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    told = json.loads((tmp_path / "run" / "boundary.json").read_text())
    assert told["aim"]["turned_after"] is not None
    assert told["aim"]["turned_after"] <= 12
    assert told["aim"]["turned_after.control"] is None
    assert "(-2,-0.5)" in ran.output.replace("\n", "").replace(" ", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--repeats", "0"],
        ["--repeats", "1,x"],
        ["--repeats", "9999999999"],
        ["--repeats", ",".join(map(str, range(1, 40)))],
        ["--points", "1"],
        ["--points", "1,nan"],
        ["--points", ";".join(["1,1"] * 201)],
        ["--labels", "2"],
        ["--labels", "0,1"],
        ["--data", "spirals"],
        ["--data", "absent.csv"],
        ["--estimator", "mpl"],
        ["--estimator", "cnn"],
        ["--aim", "1,2", "--points", "1,1"],
        ["--aim", "10,10"],
        ["--count", "7"],
        ["--set", "analysis=[]"],
        ["--set", "training.checkpoints=1"],
        ["--set", "grid={seed: [1, 2]}"],
        ["--set", "training={name: own_fit}"],
        ["--aim", "1"],
    ],
)
def test_nonsense_is_one_clear_error(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AntivenomError) as caught:
        CliRunner().invoke(app, ["boundary", *arguments], catch_exceptions=False)
    assert len(str(caught.value)) < 400
    assert not (tmp_path / "runs").exists(), "nothing is written"


def test_a_label_is_what_is_aimed_with() -> None:
    with pytest.raises(SettingsError, match="already predicts"):
        CliRunner().invoke(app, ["boundary", "--aim=-1,-1", "--labels", "0"], catch_exceptions=False)
