"""Every registered component keeps its promises; found by discovery, no list."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antivenom.registry import entries
from antivenom.testing import (
    ANALYSIS_CHECKS,
    ATTACK_CHECKS,
    CLASSIFIER_CHECKS,
    DETECTOR_CHECKS,
    MODEL_CHECKS,
    REPAIR_CHECKS,
    SCAN_CHECKS,
    SOURCE_CHECKS,
    STREAM_DEFENCE_CHECKS,
    TRAINING_CHECKS,
    TRIGGER_CHECKS,
    check_attack,
    toy_images,
)
from tests.test_formats import binary, png, some, write_binary, write_folder
from tests.test_hostile_files import parquet_of
from tests.test_idx import content

WAIVED: dict[tuple[str, str], str] = {
    ("loss_poison", "attack_is_reproducible"): "which rows a model finds hardest depends on no seed of the attack's",
    ("loss_poison", "attack_has_an_effect"): "its rows are the data's own, once more",
    **{
        ("own_fit", f"training_{check}"): "it trains scikit-learn estimators alone; the checks train a module"
        for check in ("leaves_its_inputs_alone", "is_reproducible", "learns")
    },
    **{
        ("aimed_chaff", f"attack_{check}"): "it places points in the plane; the checks' rows are images"
        for check in (
            "leaves_its_inputs_alone",
            "is_reproducible",
            "says_which_rows_it_contributed",
            "keeps_type_and_bounds",
            "has_an_effect",
        )
    },
    ("chaff", "attack_is_reproducible"): "its rows are said, not drawn: another seed gives the same",
    **{
        ("boundary", f"analysis_{check}"): "it looks at points in the plane; the checks' rows are images"
        for check in ("leaves_its_inputs_alone", "is_reproducible", "describes_itself")
    },
}
"""(component, check): the reason."""

SETTINGS: dict[str, dict[str, Any]] = {
    "end_to_end": {"epochs": 8, "learning_rate": 5e-3, "batch_size": 32},
    "unlearning": {"epochs": 15, "batch_size": 16, "learning_rate": 3e-3},
    "neural_cleanse": {"steps": 300, "batch_size": 24},
    "module": {"factory": "tests.toys:small_net"},
    "preact_resnet18": {"width": 4},
    "generative_poison": {"hidden": (16,), "pretraining": 20, "rounds": 3},
    "aimed_chaff": {"at": (0.0, 0.0)},
    "chaff": {"points": (tuple(each / 36 for each in range(36)), (0.5,) * 36)},
    "poison_file": {"path": "poison.npz"},
    "npz": {"path": "mine.npz"},
    "csv": {"path": "mine.csv"},
    "folder": {"path": "mine"},
    "parquet": {"path": "mine.parquet"},
}
"""What a component needs beside its defaults to be tried on toys."""


def cases(
    kind: str, checks: tuple[Callable[..., None], ...], method: str | None = None, field: str | None = None
) -> list[Any]:
    """Every component of a kind, those with a method or a setting alone where one is named, with every check."""
    return [
        pytest.param(name, check, id=f"{name}-{check.__name__}")
        for name in entries(kind)
        if method is None or hasattr(entries(kind)[name].load(), method)
        if field is None or field in entries(kind)[name].load().__dataclass_fields__
        for check in checks
        if (name, check.__name__) not in WAIVED
    ]


def made(kind: str, name: str) -> Any:
    return entries(kind)[name].load()(**SETTINGS.get(name, {}))


@pytest.fixture
def poison_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Poison for toy images, in the current folder."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).random((300, 2, 1, 6, 6), np.float32)
    np.savez(tmp_path / "poison.npz", X=x, Y=np.arange(600).reshape(300, 2) % 4)


@pytest.mark.usefixtures("poison_file")
@pytest.mark.parametrize(("name", "check"), cases("attacks", ATTACK_CHECKS))
def test_attacks(name: str, check: Callable[[Any], None]) -> None:
    check(made("attacks", name))


@pytest.mark.usefixtures("poison_file")
@pytest.mark.parametrize(("name", "check"), cases("attacks", ATTACK_CHECKS, field="mode"))
def test_attacks_that_append(name: str, check: Callable[[Any], None]) -> None:
    cls = entries("attacks")[name].load()
    check(cls(mode="append", **SETTINGS.get(name, {})))


@pytest.mark.parametrize(("name", "check"), cases("trainings", TRAINING_CHECKS))
def test_trainings(name: str, check: Callable[[Any], None]) -> None:
    check(made("trainings", name))


@pytest.mark.parametrize(("name", "check"), cases("defences", STREAM_DEFENCE_CHECKS, "blame"))
def test_stream_defences(name: str, check: Callable[[Any], None]) -> None:
    check(made("defences", name))


@pytest.mark.parametrize(("name", "check"), cases("defences", SCAN_CHECKS, "scan"))
def test_scans(name: str, check: Callable[[Any], None]) -> None:
    check(made("defences", name))


@pytest.mark.parametrize(("name", "check"), cases("repairs", REPAIR_CHECKS))
def test_repairs(name: str, check: Callable[[Any], None]) -> None:
    check(made("repairs", name))


@pytest.mark.parametrize(("name", "check"), cases("analyses", ANALYSIS_CHECKS))
def test_analyses(name: str, check: Callable[[Any], None]) -> None:
    check(made("analyses", name))


@pytest.mark.parametrize(("name", "check"), cases("defences", DETECTOR_CHECKS, "score"))
def test_detectors(name: str, check: Callable[[Any], None]) -> None:
    check(made("defences", name))


@pytest.mark.parametrize(("name", "check"), cases("triggers", TRIGGER_CHECKS))
def test_triggers(name: str, check: Callable[[Any], None]) -> None:
    check(made("triggers", name))


@pytest.mark.parametrize(("name", "check"), cases("models", MODEL_CHECKS))
def test_models(name: str, check: Callable[[Any], None]) -> None:
    check(made("models", name))


@pytest.mark.parametrize(("name", "check"), cases("models", CLASSIFIER_CHECKS))
def test_classifiers(name: str, check: Callable[[Any, Any], None]) -> None:
    from antivenom.rng import Rng

    data = toy_images(60)
    model = made("models", name)
    check(model.build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0)), data)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file of every format, in the current folder and below `$ANTIVENOM_DATA`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    (x, y), test = some(), some(1, 4)
    np.savez(tmp_path / "mine.npz", x=x, y=y)
    (tmp_path / "mine.csv").write_text("a,b,c\n" + "".join(f"{n},{n * n},{n % 2}\n" for n in range(8)))
    (tmp_path / "mine.parquet").write_bytes(parquet_of(image=[png(row) for row in x], label=y.tolist()))
    write_folder(tmp_path / "mine", x, y, *test)
    write_binary(tmp_path, x, y, *test)
    for name in ("mnist", "fashion_mnist"):
        (tmp_path / name).mkdir()
        for part in ("train", "t10k"):
            (tmp_path / f"{name}/{part}-images-idx3-ubyte").write_bytes(content(x[:, 0]))
            (tmp_path / f"{name}/{part}-labels-idx1-ubyte").write_bytes(content(y))
    home = tmp_path / "cifar100/cifar-100-binary"
    home.mkdir(parents=True)
    for name in ("train", "test"):
        (home / f"{name}.bin").write_bytes(binary(x, y, y))
    for name, count in (("coarse", 20), ("fine", 100)):
        (home / f"{name}_label_names.txt").write_text("\n".join(map(str, range(count))))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("name", "check"), cases("datasets", SOURCE_CHECKS))
def test_sources(name: str, check: Callable[[Any], None]) -> None:
    check(made("datasets", name))


@pytest.mark.parametrize("mode", ["replace", "append"])
@pytest.mark.parametrize("check", ATTACK_CHECKS)
def test_an_attack_with_cover_rows(check: Callable[[Any], None], mode: Any) -> None:
    from tests.toys import Covered

    check(Covered(mode=mode))


def test_an_attack_without_its_contract_is_told_what_is_missing() -> None:
    class Bare:
        def poison(self) -> None: ...

    with pytest.raises(AssertionError, match="inherit PoisonBudget"):
        ATTACK_CHECKS[0](Bare())  # type: ignore[arg-type]


def test_a_waiver_names_a_check() -> None:
    from antivenom.attacks import LabelFlip

    with pytest.raises(AssertionError, match="no such check"):
        check_attack(LabelFlip(), waive={"attack_is_perfect": "it is not"})


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("writes into the data", "attack_leaves_its_inputs_alone"),
        ("draws from the global stream", "attack_leaves_its_inputs_alone"),
        ("ignores its stream", "attack_is_reproducible"),
        ("ignores its rate", "attack_keeps_its_rate"),
        ("appends without saying so", "attack_says_which_rows_it_contributed"),
        ("gives covers a wrong label", "attack_keeps_its_covers"),
        ("counts covers as poison", "attack_keeps_its_covers"),
        ("does nothing", "attack_has_an_effect"),
    ],
)
def test_the_checks_can_fail(fault: str, check: str) -> None:
    from tests.toys import FaultyAttack

    by_name = {function.__name__: function for function in ATTACK_CHECKS}
    with pytest.raises(AssertionError):
        by_name[check](FaultyAttack(fault=fault))
