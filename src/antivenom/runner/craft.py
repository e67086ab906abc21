"""Writing an attack's poison to a file, which another experiment can inject."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from antivenom.attacks import Attack, KeepsRounds, Saveable, TrainsGenerator
from antivenom.data import Dataset, Poisoned
from antivenom.data.formats import rounds
from antivenom.errors import RunError, SettingsError
from antivenom.files.writing import atomic_file, remove_leftovers
from antivenom.runner.events import OnEvent, no_op
from antivenom.runner.executors.crafting import checked_data, craft_poison, prepared, stream_of, surrogate_for
from antivenom.runner.executors.stages import Stages, choose_device, threads_of
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.starting_data import StartingData
from antivenom.settings import describe
from antivenom.storage.files import locked, write_arrays
from antivenom.storage.places.addresses import local_folder
from antivenom.storage.store import Store


@dataclass(frozen=True)
class Crafted:
    """The files that `craft` wrote.

    Attributes:
        file: the poison by round, in the format that `PoisonFile` reads.
        poisoned: the poisoned training set, with the same poison.
        generator: the file of the trained generator, or None if the attack does not train one.
    """

    file: Path
    poisoned: Poisoned
    generator: Path | None


def craft(
    experiment: ExperimentSettings,
    folder: Path | str,
    *,
    store: Store | None = None,
    device: str = "auto",
    on_event: OnEvent = no_op,
) -> Crafted:
    """Craft an experiment's poison in all its rounds, and write it to a file. No victim is trained.

    The file is called `gradient_attack_mnist.npz` or similar. It has the layout of the original study: `X` (n, rounds,
    *shape), float32, within the bounds of the data; and `Y` (n, rounds). If the attack trains a generator, it is
    written to `generator_mnist.safetensors`. Every round of the file is read back and checked.

    Args:
        experiment: the data set, attack, surrogate and seed. The poison is that of the first repeat.
        folder: the folder to write to. Files of the same name are replaced.
        store: keeps finished stages for later runs; None keeps nothing.
        device: `cpu`, `cuda`, …, or `auto`: CUDA if there is a GPU.
        on_event: called with every event.

    Raises:
        SettingsError: the settings do not fit the data, or the attack contributes nothing.
        RunError: the folder cannot be written to, or the file does not read back as it was written.
    """
    target = local_folder(folder)
    attack = experiment.attack
    if isinstance(attack, KeepsRounds):
        attack = attack.keeping_rounds()
        experiment = replace(experiment, attack=attack)
    stages = Stages(store, choose_device(device), on_event=on_event)
    data = checked_data(experiment, prepared(experiment, stages), stages)
    generator, poisoned = _poison(experiment, attack, stages, data)
    if not len(poisoned.rows):
        raise SettingsError(["The attack contributes no rows. Increase its rate or count."])
    source = describe("datasets", experiment.dataset)["name"]
    name = describe("attacks", attack)["name"].removesuffix("_poison")
    file, saved = target / f"{name}_attack_{source}.npz", target / f"generator_{source}.safetensors"
    with locked(target):
        remove_leftovers(target)
        _write(file, poisoned, data.splits.train)
        if generator is not None:
            with atomic_file(saved) as part:
                generator.save(part)
    return Crafted(file, poisoned, saved if generator is not None else None)


def _poison(
    experiment: ExperimentSettings, attack: Attack, stages: Stages, data: StartingData
) -> tuple[Saveable | None, Poisoned]:
    """Return the poison, and its generator or None. A generator is trained each time: the store keeps only poison."""
    if not isinstance(attack, TrainsGenerator):
        return None, craft_poison(experiment, stages, data, 0).poisoned
    surrogate = surrogate_for(experiment, stages, data, 0)
    train, stream = data.splits.train, stream_of(experiment, 0).child("attack")
    threads = threads_of(surrogate, train)
    return stages.timed(
        0, "poison", lambda: attack.train_generator(train, rng=stream, surrogate=surrogate), threads=threads
    )


def _write(file: Path, poisoned: Poisoned, train: Dataset) -> None:
    """Write the poison by round, and read it back."""
    by_round = poisoned.x.unsqueeze(1) if poisoned.rounds is None else poisoned.rounds
    write_arrays(file, rounds.arrays(by_round, poisoned.y, train))
    for number in range(by_round.shape[1]):
        x, y = rounds.read(file, train, number)
        if not (torch.equal(x, by_round[:, number]) and torch.equal(y, poisoned.y)):
            file.unlink()
            raise RunError(f"{file} does not read back as it was written. The file was removed.")
