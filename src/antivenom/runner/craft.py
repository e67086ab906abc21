"""An attack's poison as a file of its own, for another experiment to inject."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from antivenom.attacks import KeepsRounds, TrainsGenerator
from antivenom.data import Poisoned
from antivenom.data.formats import rounds
from antivenom.errors import RunError, SettingsError
from antivenom.rng import Rng
from antivenom.runner.events import Tell, silent
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.executors.starting_models import fit_surrogate, open_with
from antivenom.runner.spec.settings import Experiment
from antivenom.settings import describe
from antivenom.storage.files import held, whole_file, write_arrays
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
    experiment: Experiment,
    folder: Path | str,
    *,
    store: Store | None = None,
    device: str = "auto",
    tell: Tell = silent,
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
        tell: told what happens.

    Raises:
        SettingsError: the settings do not fit the data, or the attack contributes nothing.
        RunError: the folder cannot be written to, or what was written does not read back as it was.
    """
    attack = experiment.attack
    if isinstance(attack, KeepsRounds):
        attack = attack.keeping_rounds()
        experiment = replace(experiment, attack=attack)
    stages = Stages(store, choose_device(device), tell=tell)
    rng = Rng(experiment.seed).child("repeat", 0)
    opening = open_with(experiment, experiment.part(stages.prepare(experiment.dataset)), rng, stages.prepare)
    splits = opening.splits
    if problems := experiment.problems(splits.train):
        raise SettingsError(problems)
    surrogate = fit_surrogate(experiment, opening, stages, rng.child("surrogate"), 0)
    generator = None
    if isinstance(attack, TrainsGenerator):  # the store keeps poison, not what made it
        train = partial(attack.train_generator, splits.train, rng=rng.child("attack"), surrogate=surrogate)
        generator, poisoned = stages.timed(0, "poison", train)
    else:
        poisoned = stages.poison(attack, splits.train, rng.child("attack"), 0, surrogate)
    if not len(poisoned.rows):
        raise SettingsError(["The attack contributes no rows. Raise its rate or count."])
    grown = poisoned.x.unsqueeze(1) if poisoned.rounds is None else poisoned.rounds
    target, data = Path(folder), describe("datasets", experiment.dataset)["name"]
    name = describe("attacks", attack)["name"].removesuffix("_poison")
    file, saved = target / f"{name}_attack_{data}.npz", target / f"generator_{data}.safetensors"
    with held(target):
        write_arrays(file, rounds.arrays(grown, poisoned.y, splits.train))
        for number in range(grown.shape[1]):
            x, y = rounds.read(file, splits.train, number)
            if not (torch.equal(x, grown[:, number]) and torch.equal(y, poisoned.y)):
                file.unlink()
                raise RunError(f"{file} does not read back as it was written. Nothing was kept.")
        if generator is not None:
            with whole_file(saved) as part:
                generator.save(part)
    return Crafted(file, poisoned, saved if generator is not None else None)
