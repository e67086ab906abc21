"""Whole experiments run on a device beside the CPU, and give the CPU's figures."""

from pathlib import Path
from typing import Any

import pytest
import torch

from antivenom import Experiment, Result
from antivenom.interop.art import NeuralCleanse
from antivenom.registry import find
from antivenom.rng import Rng
from antivenom.runner.craft import craft
from antivenom.runner.export import export
from antivenom.runner.external import measure_external
from antivenom.storage.store import Store
from antivenom.testing import toy_images

pytestmark = pytest.mark.slow  # whole experiments on the simulated device


def component(kind: str, name: str, **settings: Any) -> Any:
    return find(kind, name)(**settings)


EPOCHS = component("trainings", "end_to_end", epochs=1, batch_size=32, learning_rate=5e-3)
MLP = component("models", "mlp", hidden=(8,))


def backdoor() -> Experiment:
    """Every detector, scan and repair, and what a network learned, on a small CNN."""
    return Experiment(
        train_rows=120,
        model=component("models", "cnn", filters=(4,), hidden=(8,)),
        attack=component("attacks", "badnets", rate=0.1, target=7),
        training=EPOCHS,
        trusted=0.2,
        defences=(
            *(component("defences", name) for name in ("loss_monitor", "nearest_neighbours", "trim")),
            component("defences", "neural_cleanse", steps=3, batch_size=16, restarts=1),
        ),
        repairs=(
            *(component("repairs", name) for name in ("fine_pruning", "filtering", "pruning")),
            *(component("repairs", name, epochs=1) for name in ("unlearning", "fine_tuning")),
        ),
        analysis=(
            *(component("analyses", name) for name in ("drift", "filters", "neurons", "saliency", "similarity")),
            component("analyses", "probes", layer="output", strength=0.001),
        ),
    )


def stream() -> Experiment:
    """Poison by gradients into a stream, recrafted as the model learns, and a defence that looks back."""
    return Experiment(
        train_rows=60,
        model=MLP,
        attack=component("attacks", "gradient_poison", rate=0.05, rounds=2, recraft=True),
        training=component("trainings", "online", warm_up=EPOCHS, checkpoints=20),
        defences=(component("defences", "blame"), component("defences", "loss_monitor")),
        analysis=(component("analyses", "drift"),),
    )


def transfer() -> Experiment:
    """A generator's poison against a network that was trained before."""
    return Experiment(
        train_rows=60,
        model=MLP,
        attack=component("attacks", "generative_poison", rate=0.1, hidden=(8,), pretraining=3, rounds=1),
        training=component("trainings", "transfer", pretraining=EPOCHS, epochs=1),
    )


def estimator() -> Experiment:
    """A scikit-learn estimator, which computes on the CPU wherever the data is."""
    return Experiment(
        train_rows=60,
        model=component("models", "estimator", class_name="SGDClassifier"),
        attack=component("attacks", "label_flip", rate=0.1),
        training=component("trainings", "own_fit"),
        defences=(component("defences", "nearest_neighbours"),),
    )


def plane() -> Experiment:
    """Points that are aimed at a prediction in the plane, and a boundary that walks."""
    return Experiment(
        train_rows=20,
        dataset=component("datasets", "plane"),
        model=MLP,
        attack=component("attacks", "aimed_chaff", at=(0.1, 0.2), count=2, calls=2, evaluations=4),
        training=component("trainings", "online", warm_up=EPOCHS, checkpoints=3),
        analysis=(component("analyses", "boundary"),),
    )


def figures(result: Result) -> dict[str, float | None]:
    """Its means by name, without those that are times."""
    return {
        name: None if one["mean"] is None else float(one["mean"])
        for name, one in result.metrics.items()
        if one["unit"] != "seconds"
    }


@pytest.mark.parametrize("experiment", [backdoor, stream, transfer, estimator, plane])
def test_a_whole_experiment(experiment: Any, device: torch.device, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    made = experiment()
    result = made.run(device=device.type, store=store)
    again = made.run(device=device.type, store=store)
    assert figures(result) == figures(again), "the store gave other figures"
    if device.type == "cuda":
        return  # other arithmetic: figures of tiny networks are far apart
    here, found = figures(made.run(device="cpu")), figures(result)
    assert found.keys() == here.keys()
    for name, value in here.items():
        there = found[name]
        if value is None or there is None:
            assert value is there, name
        else:
            assert there == pytest.approx(value, rel=0.05, abs=0.02, nan_ok=True), name  # a network's steps are rounded


def test_a_run_is_written_and_read_back(device: torch.device, tmp_path: Path) -> None:
    result = transfer().run(device=device.type, out=tmp_path)
    assert figures(Result.load(tmp_path)) == figures(result)


@pytest.mark.parametrize("experiment", [stream, transfer])
def test_poison_is_crafted_there_and_written(experiment: Any, device: torch.device, tmp_path: Path) -> None:
    crafted = craft(experiment(), tmp_path, device=device.type)
    assert crafted.file.is_file()
    assert crafted.poisoned.x.device.type == device.type


def test_a_strangers_model_is_measured_there(device: torch.device, tmp_path: Path) -> None:
    made = transfer()
    result = made.run(device=device.type, out=tmp_path / "run")
    export(made, tmp_path / "out", form="npz", device=device.type)
    weights = [tmp_path / f"run/{name}.safetensors" for name in ("victim", "control")]
    arch = "{name: mlp, hidden: [8]}"
    found = measure_external(
        weights[0], tmp_path / "out", tmp_path / "figures", control=weights[1], arch=arch, device=device.type
    )
    assert found["model.clean_accuracy"]["mean"] == pytest.approx(result.metrics["model.clean_accuracy"]["mean"])


def test_networks_that_other_libraries_know_are_cleansed_there(device: torch.device) -> None:
    data = toy_images(48)
    blank = component("models", "cnn", filters=(4,), hidden=(8,)).build(
        input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0)
    )
    module, x, y = blank.to(device).module, data.inputs().numpy(), data.y.numpy()
    cleansed = NeuralCleanse(module)(module, steps=3)
    with pytest.warns(UserWarning, match="mitigate changed nothing"):  # three steps find no trigger
        cleansed.mitigate(x, y, ["pruning", "unlearning", "filtering"])
    mask, pattern = cleansed.generate_backdoor(x, y, y[0])
    assert mask.shape == pattern.shape == (1, 6, 6)
    assert cleansed.predict(x).shape == (48, 4)
