"""Files of weights, as training scripts leave them."""

import argparse
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import ModuleClassifier, as_classifier
from antivenom.models.checkpoints import check_state
from antivenom.models.files import read_weights
from antivenom.models.module import Module
from antivenom.models.values import STARTS_WITH_LOADED
from antivenom.rng import Rng
from antivenom.training.transfer import Transfer

SHAPE = (1, 8, 8)


def net(classes: int = 4) -> nn.Module:
    with Rng(1).torch_globally():
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, classes))


STATE = net().state_dict()
OTHER = {name: value + 1 for name, value in STATE.items()}


def blank() -> ModuleClassifier:
    return as_classifier(net(), input_shape=SHAPE).fresh(Rng(9))


def prefixed(prefix: str, state: dict[str, Tensor] = STATE) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in state.items()}


def optimizer() -> dict[str, Any]:
    module = net()
    made = torch.optim.Adam(module.parameters())
    module(torch.rand(4, *SHAPE)).sum().backward()
    made.step()
    return made.state_dict()


TAKEN: dict[str, tuple[str, Any, str]] = {
    "DataParallel": ("net.pt", prefixed("module."), "'module.'"),
    "torch.compile": ("net.pt", prefixed("_orig_mod."), "'_orig_mod.'"),
    "both": ("net.pt", prefixed("_orig_mod.module."), "'module.'"),
    "both, the other way": ("net.pt", prefixed("module._orig_mod."), "'module.'"),
    "a compiled part": ("net.pt", {k.replace("1.", "1._orig_mod."): v for k, v in STATE.items()}, "'_orig_mod.'"),
    "SWA": ("net.pt", {"n_averaged": torch.tensor(3), **prefixed("module.")}, "n_averaged"),
    "another wrapper": ("net.pt", prefixed("backbone.encoder."), "'backbone.encoder.'"),
    "netC": ("net.pt", {"netC": STATE, "epoch": 3, "optimizerC": optimizer()}, "'netC'"),
    "model_state": ("net.pth", {"model_state": STATE, "optimizer_state": optimizer()}, "'model_state'"),
    "ema": ("net.pt", {"state_dict_ema": STATE}, "'state_dict_ema'"),
    "params": ("net.pt", {"params": OrderedDict(STATE)}, "'params'"),
    "nested": ("net.pt", {"checkpoint": {"network": {"weights": STATE}}, "best": 0.9}, "'checkpoint.network.weights'"),
    "lightning": (
        "last.ckpt",
        {
            "state_dict": {**prefixed("model."), "loss.weight": torch.ones(4)},
            "epoch": 1,
            "optimizer_states": [optimizer()],
            "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.9)}},
        },
        "loss.weight",
    ),
    "resnet": ("model_best.pth.tar", {"state_dict": STATE, "arch": "resnet"}, "'state_dict'"),
    "tar": ("best.tar", {"state_dict": STATE}, "'state_dict'"),
    "NumPy's best": ("best.pt", {"state_dict": STATE, "best": np.float64(0.9), "epoch": np.int64(3)}, "'state_dict'"),
    "NumPy's others": ("best.pt", {"model": STATE, "best": np.float32(0.9), "done": np.bool_(True)}, "'model'"),
    "half precision": ("net.bin", {name: value.half() for name, value in STATE.items()}, ""),
    "parameters": ("net.pt", {"model": {k: nn.Parameter(v, False) for k, v in STATE.items()}}, "'model'"),
}


@pytest.mark.parametrize(("name", "content", "word"), TAKEN.values(), ids=TAKEN.keys())
def test_weights_are_found_in_what_scripts_save(tmp_path: Path, name: str, content: Any, word: str) -> None:
    torch.save(content, tmp_path / name)
    read = blank().with_state(read_weights(tmp_path / name))
    assert all(torch.allclose(value, STATE[key], atol=1e-3) for key, value in read.state().items())
    extra = [each for each in read.assumptions if each not in blank().assumptions]
    assert any(word in each for each in extra) if word else extra == [STARTS_WITH_LOADED]


def test_exact_weights_need_no_assumption_and_safetensors_are_fitted_too(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "net.pt")
    assert read_weights(tmp_path / "net.pt").assumptions == ()
    save_file(prefixed("module."), tmp_path / "net.safetensors")
    read = blank().with_state(read_weights(tmp_path / "net.safetensors"))
    assert torch.equal(read.state()["1.weight"], STATE["1.weight"])


def test_a_module_whose_own_names_have_a_prefix_keeps_them(tmp_path: Path) -> None:
    wrapped = nn.Sequential(OrderedDict(model=net()))
    torch.save(wrapped.state_dict(), tmp_path / "net.pt")
    classifier = as_classifier(wrapped, input_shape=SHAPE)
    read = classifier.fresh(Rng(3)).with_state(read_weights(tmp_path / "net.pt"))
    assert read.assumptions == (*classifier.assumptions, STARTS_WITH_LOADED)
    assert torch.equal(read.state()["model.1.weight"], STATE["1.weight"])


AMBIGUOUS = {
    "model and ema": ({"model": STATE, "model_ema": OTHER}, "model_ema"),
    "a GAN": ({"netG": OTHER, "netC": STATE}, "netG"),
    "student and teacher": ({"state": {"student": STATE, "teacher": OTHER}}, "state.teacher"),
}


@pytest.mark.parametrize(("content", "part"), AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_several_sets_of_weights_are_refused_until_one_is_chosen(tmp_path: Path, content: Any, part: str) -> None:
    file = tmp_path / "net.pt"
    torch.save(content, file)
    with pytest.raises(DataError, match=rf"2 sets of weights: .*'{part}'.*weights_part"):
        read_weights(file)
    chosen = read_weights(file, part)
    assert torch.equal(chosen["1.weight"], content["netG"]["1.weight"] if "netG" in content else OTHER["1.weight"])
    with pytest.raises(DataError, match=f"no weights in 'best'.*'{part}'"):
        read_weights(file, "best")


class Wrapped(nn.Module):
    """Has one or several networks as its parts."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.first = names[0]
        for name in names:
            self.add_module(name, net())

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self.first)(x)  # type: ignore[no-any-return]


def make_wrapped() -> nn.Module:
    return Wrapped("net")


@pytest.mark.parametrize("name", ["net", "model", "backbone"])
@pytest.mark.parametrize("wrapper", ["", "_orig_mod."])
def test_a_prefix_that_only_the_module_has_is_added(name: str, wrapper: str) -> None:
    classifier = as_classifier(Wrapped(name), input_shape=SHAPE).with_state(prefixed(wrapper))
    assert all(torch.equal(value, STATE[key.removeprefix(f"{name}.")]) for key, value in classifier.state().items())
    assert f"The prefix '{name}.' is added to the names of the weights." in classifier.assumptions


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module.", "model."])
def test_one_prefix_is_replaced_by_another(prefix: str) -> None:
    classifier = as_classifier(Wrapped("net"), input_shape=SHAPE).with_state(prefixed(prefix))
    assert all(torch.equal(value, STATE[key.removeprefix("net.")]) for key, value in classifier.state().items())
    removed = prefix.removeprefix("_orig_mod.")
    assert f"The prefix '{removed}' of the names of the weights is removed." in classifier.assumptions
    assert "The prefix 'net.' is added to the names of the weights." in classifier.assumptions


def test_the_name_of_the_only_layer_is_not_a_prefix() -> None:
    one, other = nn.Sequential(nn.Flatten()), nn.Sequential(nn.Flatten())
    one.add_module("first", nn.Linear(64, 4))
    other.add_module("second", nn.Linear(64, 4))
    with pytest.raises(CapabilityError, match="do not fit this architecture"):
        as_classifier(one, input_shape=(1, 8, 8)).with_state(other.state_dict())


def test_a_prefix_is_added_in_a_spec_and_in_transfer_too(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "net.safetensors")
    model = Module(factory=f"{__name__}:make_wrapped", weights=str(tmp_path / "net.safetensors"))
    built = model.build(input_shape=SHAPE, classes=4, bounds=(0, 1), rng=Rng(0))
    assert torch.equal(built.state()["net.1.weight"], STATE["1.weight"])
    assert any("'net.' is added" in sentence for sentence in built.assumptions)
    assert as_classifier(Wrapped("net"), input_shape=SHAPE).classes_of(STATE) == 4  # type: ignore[attr-defined]


def test_weights_that_fit_several_parts_of_a_module_are_refused() -> None:
    classifier = as_classifier(Wrapped("student", "teacher"), input_shape=SHAPE)
    with pytest.raises(DataError, match=r"several parts of the module: 'student\.', 'teacher\.'.*all parts"):
        classifier.with_state(STATE)


@pytest.mark.parametrize("change", ["missing", "more", "shape"])
def test_a_prefix_is_not_added_if_names_or_shapes_differ(change: str) -> None:
    state = dict(STATE)
    if change == "missing":
        state.pop("3.bias")
    elif change == "more":
        state["4.bias"] = torch.zeros(4)
    else:
        state["3.bias"] = torch.zeros(7)
    with pytest.raises(CapabilityError, match="do not fit this architecture"):
        as_classifier(Wrapped("net"), input_shape=SHAPE).with_state(state)


def test_two_prefixes_in_one_state_dict_are_refused() -> None:
    with pytest.raises(DataError, match=r"several prefixes: 'student\.', 'teacher\.'"):
        blank().with_state({**prefixed("student."), **prefixed("teacher.", OTHER)})


class Odd:
    pass


REFUSED = {
    "arguments": ({"state_dict": STATE, "args": argparse.Namespace(lr=0.1)}, r"object of argparse\.Namespace"),
    "an own class": ({"state_dict": STATE, "config": Odd()}, r"object of tests\.models\.test_checkpoints\.Odd"),
    "a path": ({"state_dict": STATE, "out": Path("runs")}, r"object of (pathlib|_?pathlib)\.\w*"),
    "a whole module": (nn.Linear(2, 2), r"object of torch\.nn\.modules\.linear\.Linear"),
    "an array": ({"state_dict": STATE, "curve": np.ones(3)}, r"object of numpy\.\S*_reconstruct"),
    "an object array": (np.array([None, 3], object), "object of numpy"),
    "a default dictionary": ({"model": STATE, "log": defaultdict(list)}, "object of"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_other_objects_are_named_with_what_to_do(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(DataError, match=rf"{message}.*torch\.save\(model\.state_dict\(\), FILE\)"):
        read_weights(tmp_path / "net.pt")


@pytest.mark.parametrize(
    "content", [{"epoch": 3}, [STATE], {"optimizer": optimizer()}, {"a": {"acc": torch.tensor(0.9)}}, {}]
)
def test_files_without_weights_are_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(DataError, match="must contain a state dict"):
        read_weights(tmp_path / "net.pt")


def test_a_compressed_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1_000_000)}, tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as old,
        zipfile.ZipFile(tmp_path / "small.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    with pytest.raises(DataError, match="compressed"):
        read_weights(tmp_path / "small.pt")


def test_an_object_of_any_size_is_refused_before_it_is_made(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "plain.pt") as old, zipfile.ZipFile(tmp_path / "small.pt", "w") as new:
        for info in old.infolist():
            program = b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x80\x00\x85R."  # 2 GiB
            new.writestr(info.filename, program if info.filename.endswith("data.pkl") else old.read(info))
    with pytest.raises(DataError, match="object of bytearray"):
        read_weights(tmp_path / "small.pt")


def test_attributes_of_tensors_are_not_called(tmp_path: Path) -> None:
    weight = torch.ones(2)
    weight.detach = weight.is_floating_point = "no function"  # type: ignore[assignment, method-assign]
    torch.save(OrderedDict(a=weight), tmp_path / "net.pt")
    assert torch.equal(read_weights(tmp_path / "net.pt")["a"], torch.ones(2))


def test_a_spec_names_the_part(tmp_path: Path) -> None:
    file = tmp_path / "net.pt"
    torch.save({"model": prefixed("module."), "ema": prefixed("module.", OTHER)}, file)
    settings = {"factory": "tests.models.test_checkpoints:net", "weights": str(file)}
    rows = {"input_shape": SHAPE, "classes": 4, "bounds": (0.0, 1.0)}
    with pytest.raises(DataError, match="weights_part"):
        Module(**settings).build(**rows, rng=Rng(0))
    made = Module(**settings, weights_part="ema").build(**rows, rng=Rng(0))
    assert torch.equal(made.fresh(Rng(2)).state()["1.weight"], OTHER["1.weight"])
    assert any("'ema'" in each for each in made.assumptions)
    assert any("'module.'" in each for each in made.assumptions)
    start = Transfer(weights=str(file), weights_part="model").pretrained_model(Module(**settings), blank())
    assert torch.equal(start.state()["1.weight"], STATE["1.weight"])
    for component in (Module, Transfer):
        with pytest.raises(SettingsError, match="weights_part requires weights"):
            component(**({"factory": "a:b"} if component is Module else {}), weights_part="ema")


def test_weights_of_another_number_of_classes_are_refused_plainly() -> None:
    twelve = net(12).state_dict()
    with pytest.raises(CapabilityError) as caught:
        blank().with_state(twelve)
    assert str(caught.value) == (
        "These weights do not fit this architecture: they have '3.weight' of shape (12, 8) instead of (4, 8), and have "
        "'3.bias' of shape (12,) instead of (4,). Build the module as it was when they were saved, with the same "
        "number of classes."
    )
    with pytest.raises(CapabilityError, match=r"they have no '3.bias'\. Build"):
        blank().with_state({name: value for name, value in STATE.items() if name != "3.bias"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"model": STATE, "ema": STATE},
            r"several sets of weights: 'model', 'ema'. Take one of them, such as \['model'\]",
        ),
        ({"epoch": 3, "state": {"net": STATE}}, r"Its weights are in 'state.net': take \['state'\]\['net'\]"),
        ({"epoch": 3}, r"'epoch' is not a tensor. Pass model.state_dict\(\)"),
    ],
)
def test_a_whole_checkpoint_is_not_a_state(content: Any, said: str) -> None:
    with pytest.raises(CapabilityError, match=said):
        check_state(content)
