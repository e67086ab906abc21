"""Make the networks in several processes, and keep them as files.

A network is two files: weights (safetensors) and a description (JSON). The description is written last and at once, so
a network with a description is complete. A killed run continues with the same command.
"""

import json
import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from benchmarks.strangers.cases import Case, is_backdoored
from benchmarks.strangers.poisoning import COVER_ROLE, POISON_ROLE, Poison, drawn_poison, poisoned, with_rate
from benchmarks.strangers.recipes import RECIPES
from benchmarks.strangers.rows import measured_rows, training_rows
from benchmarks.strangers.training import Settings, accuracy, drawn_settings, measured_backdoors, trained

ATTEMPTS = 3
"""The number of attempts per network. Each has 1.5 times the epochs and, for a weak backdoor, twice the rate."""
SUCCESS = 0.9
"""A backdoor works if its attack success rate is at least this."""
FORMAT = 1

Description = dict[str, Any]


def make(cases: list[Case], folder: Path, workers: int) -> None:
    """Make the networks that the folder does not contain, and print a line for each.

    Args:
        cases: the networks.
        folder: the folder of the files. It is created.
        workers: the number of processes, with one thread each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [case for case in cases if not description_file(folder, case).is_file()]
    print(f"{len(cases) - len(missing)} of {len(cases)} networks exist in {folder}.", flush=True)
    begin, context = time.perf_counter(), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=begin_worker, initargs=(os.getpid(),)) as pool:
        futures = [pool.submit(make_one, case, folder) for case in missing]
        try:
            for number, future in enumerate(as_completed(futures), 1):
                minutes = (time.perf_counter() - begin) / 60
                print(f"[{number}/{len(missing)}, {minutes:.1f} min] {line(future.result())}", flush=True)
        except BaseException:  # Ctrl-C too: only the networks in progress are finished
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def begin_worker(parent: int) -> None:
    """Use one thread in this process, and end it soon after its parent has ended, even if the parent was killed."""
    torch.set_num_threads(1)

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def make_one(case: Case, folder: Path) -> Description:
    """Make one network, write its files and return its description."""
    recipe, begin = RECIPES[case.recipe], time.perf_counter()
    poison = drawn_poison(case.kind, recipe.data, case.seed("poison")) if is_backdoored(case) else None
    settings = drawn_settings(recipe, case.seed("settings"))
    attempts: list[Description] = []
    while True:
        network, result = attempt(case, settings, poison)
        attempts.append({"settings": settings, "rate": poison and poison["rate"], **result})
        if result["working"] or len(attempts) == ATTEMPTS:
            break
        settings = {**settings, "epochs": round(1.5 * settings["epochs"])}
        if poison and result["success"] < SUCCESS:
            poison = with_rate(poison, 2)
    description = {
        "format": FORMAT,
        "recipe": case.recipe,
        "kind": case.kind,
        "index": case.index,
        "seed": case.seed("poison"),
        "data": recipe.data,
        "kept_aside": recipe.kept_aside,
        "settings": settings,
        "poison": poison,
        **result,
        "attempts": attempts,
        "seconds": round(time.perf_counter() - begin, 2),
        "torch": str(torch.__version__),
    }
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    write(weights_file(folder, case), save(weights))
    write(description_file(folder, case), json.dumps(description, indent=1).encode())
    return description


def attempt(case: Case, settings: Settings, poison: Poison | None) -> tuple[torch.nn.Module, Description]:
    """Train a network once and return it with its measurements."""
    recipe = RECIPES[case.recipe]
    rows = training_rows(recipe.data, settings["rows"], case.seed("rows"))
    counts = {"poisoned_rows": 0, "cover_rows": 0}
    if poison:
        rows, roles = poisoned(rows, poison, case.seed("poisoned rows"))
        counts = {
            "poisoned_rows": int((roles == POISON_ROLE).sum()),
            "cover_rows": int((roles == COVER_ROLE).sum()),
        }
    network = trained(recipe, settings, rows, case.seed("training"))
    test = measured_rows(recipe.data, case.seed("test"))
    clean = accuracy(network, recipe, test)
    effects = measured_backdoors(network, recipe, test, poison, case.seed("triggers")) if poison else []
    success = min((each["success"] for each in effects), default=None)
    return network, {
        **counts,
        "accuracy": clean,
        "success": success,
        "backdoors": effects,
        "working": clean >= recipe.floor and (success is None or success >= SUCCESS),
    }


def line(description: Description) -> str:
    """Return one line about a network."""
    name = Case(description["recipe"], description["kind"], description["index"]).name
    text = f"{name}: accuracy {description['accuracy']:.3f}"
    if description["poison"]:
        text += f", rate {description['poison']['rate']:.4f}, success {description['success']:.3f}"
    attempts = len(description["attempts"])
    note = "" if description["working"] else " (does not work)"
    return f"{text}, {attempts} attempt{'s' * (attempts > 1)}, {description['seconds']:.0f} s{note}"


def weights_file(folder: Path, case: Case) -> Path:
    """Return the file of the weights."""
    return folder / f"{case.name}.safetensors"


def description_file(folder: Path, case: Case) -> Path:
    """Return the file of the description."""
    return folder / f"{case.name}.json"


def write(file: Path, content: bytes) -> None:
    """Write a file at once: it exists with all of its content, or not at all."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.part")
    temporary.write_bytes(content)
    temporary.replace(file)
