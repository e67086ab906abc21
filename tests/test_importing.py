"""The messages for import paths in a spec that are not right."""

from pathlib import Path

import pytest

from antivenom.errors import SettingsError, UnknownComponentError
from antivenom.importing import import_named
from antivenom.registry import find
from antivenom.runner import load_spec
from tests.helpers.command import own_process, same_process

FILTER = """
from antivenom.settings import component


@component
class Jitter:
    '''Noise.'''

    {rate}
    noise: float = 0.1

    def {method}(self, x, classifier, *, rng, clean):
        return x.flatten(1).mean(1)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def write(place: Path, name: str, rate: str = "false_rejection_rate: float = 0.1", method: str = "suspicion") -> None:
    (place / f"{name}.py").write_text(FILTER.format(rate=rate, method=method))


def problem_of(**spec: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_spec({"attack": "label_flip", **spec}, allow_code=True)
    return str(caught.value)


def test_a_misspelt_class_suggests_the_right_one(place: Path) -> None:
    write(place, "noise_one")
    message = problem_of(defences=["noise_one:Jiter"])
    assert message == (
        f"defences[0]: Cannot import 'noise_one:Jiter': noise_one, imported from {place}/noise_one.py, does not define "
        "'Jiter'. Did you mean 'Jitter'?"
    )


def test_a_file_with_the_name_of_an_installed_module_is_explained(place: Path) -> None:
    write(place, "torch")
    message = problem_of(defences=["torch:Jitter"])
    assert "torch/__init__.py, does not define 'Jitter'. Your file torch.py has the name of an installed" in message


def test_a_file_that_cannot_be_imported_gives_its_error(place: Path) -> None:
    (place / "with_error.py").write_text("x = 1 +\n")
    (place / "triggers_typo.py").write_text("from antivenom.triggerss import Patch\n")
    with pytest.raises(UnknownComponentError, match=r"'with_error:F': SyntaxError: .*line 1\). Correct the file\."):
        import_named("with_error:F")
    with pytest.raises(UnknownComponentError, match=r"No module named 'antivenom.triggerss'. Correct the file\."):
        import_named("triggers_typo:F")
    with pytest.raises(UnknownComponentError, match=r"No module named 'not_there'. Write .* PYTHONPATH\."):
        import_named("not_there:F")


@pytest.mark.slow
def test_a_missing_attribute_and_a_wrong_method_are_named(place: Path) -> None:
    write(place, "noise_two", rate="")
    write(place, "noise_three", method="suspicions")
    (place / "spec.yaml").write_text("attack: label_flip\n")
    wrong = {"noise_two": "", "noise_three": "neural_cleanse, "}
    messages = [
        own_process("run", "spec.yaml", "--allow-code", "--set", f"defences=[{before}'{name}:Jitter']", at=place).stderr
        for name, before in wrong.items()
    ]
    assert "The field false_rejection_rate is missing." in messages[0]
    assert "defences[1]: A filter's method is `suspicion`; Jitter has `suspicions`." in messages[1]


def test_a_dot_in_place_of_a_colon_and_another_kind_are_explained() -> None:
    with pytest.raises(UnknownComponentError, match="write a colon: 'noise_filter:Jitter'"):
        find("defences", "noise_filter.Jitter")
    with pytest.raises(UnknownComponentError, match="It is a repair: write it under repairs"):
        find("defences", "filtering")
    with pytest.raises(UnknownComponentError, match="It is an analysis: write it under analysis"):
        find("defences", "probes")


def test_list_and_show_take_kinds_of_defences_and_own_classes(place: Path) -> None:
    write(place, "noise_four")
    for word, has in (("detectors", "loss_monitor"), ("scans", "neural_cleanse"), ("stream-defences", "blame")):
        listed = same_process("list", word, at=place).stdout
        assert has in listed
        assert ("neural_cleanse" in listed) == (word == "scans")
    refused = same_process("show", "noise_four:Jitter", at=place)
    assert "add --allow-code" in refused.stderr
    shown = same_process("show", "noise_four:Jitter", "--allow-code", at=place).stdout
    assert "noise_four:Jitter, filter: noise_four.Jitter" in shown
    assert "false_rejection_rate" in shown
    assert "'filter' is a kind of component" in same_process("show", "filter", at=place).stderr
    assert "Noise" in shown
