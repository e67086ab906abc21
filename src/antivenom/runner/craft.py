"""An attack's poison as a file of its own, for another experiment to inject."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from antivenom.attacks import Attack, KeepsRounds, Saveable, TrainsGenerator
from antivenom.data import Dataset, Poisoned
from antivenom.data.formats import rounds
from antivenom.errors import RunError, SettingsError
from antivenom.runner.events import OnEvent, no_op
from antivenom.runner.executors.crafting import checked_data, craft_poison, prepared, stream_of, surrogate_for
from antivenom.runner.executors.stages import Stages, choose_device, threads_of
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.starting_data import StartingData
from antivenom.settings import describe
from antivenom.storage.files import locked, whole_file, write_arrays
from antivenom.storage.store import Store


@dataclass(frozen=True)
class Crafted:
    """What was written.

    Attributes:
        file: the poison by round, as `PoisonFile` reads it.
        poisoned: the same, and where it came from.
        generator: the trained generator, where the attack has one.
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
    """Make an experiment's poison, every round of it, and train no victim.

    Below `folder`: `gradient_attack_mnist.npz` or the like, with `X` (n, rounds, *shape), float32 within the data's
    bounds, and `Y` (n, rounds), the original study's layout; `generator_mnist.safetensors` where a generator was
    trained. The file is read back, round by round, before this ends.

    Args:
        experiment: its data set, attack, surrogate and seed; the poison is the first repeat's.
        folder: where to write; files of the same name are replaced.
        store: where finished stages are kept and found.
        device: where the poison is crafted.
        on_event: called for every event.

    Raises:
        SettingsError: the settings do not fit the data, or the attack contributes nothing.
        RunError: the folder cannot be written to, or what was written does not read back as it was.
    """
    attack = experiment.attack
    if isinstance(attack, KeepsRounds):
        attack = attack.keeping_rounds()
        experiment = replace(experiment, attack=attack)
    stages = Stages(store, choose_device(device), on_event=on_event)
    data = checked_data(experiment, prepared(experiment, stages), stages)
    generator, poisoned = _poison(experiment, attack, stages, data)
    if not len(poisoned.rows):
        raise SettingsError(["The attack contributes no rows. Raise its rate or count."])
    target, source = Path(folder), describe("datasets", experiment.dataset)["name"]
    name = describe("attacks", attack)["name"].removesuffix("_poison")
    file, saved = target / f"{name}_attack_{source}.npz", target / f"generator_{source}.safetensors"
    with locked(target):
        _write(file, poisoned, data.splits.train)
        if generator is not None:
            with whole_file(saved) as part:
                generator.save(part)
    return Crafted(file, poisoned, saved if generator is not None else None)


def _poison(
    experiment: ExperimentSettings, attack: Attack, stages: Stages, data: StartingData
) -> tuple[Saveable | None, Poisoned]:
    """The poison, and the generator that made it where the attack trains one: the store keeps poison alone."""
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
            raise RunError(f"{file} does not read back as it was written. Nothing was kept.")
