"""What every defence of a stream promises."""

import dataclasses

import torch

from antivenom.defences import StreamDefence
from antivenom.models import Checkpoint
from antivenom.rng import Rng
from antivenom.testing._checks import check
from antivenom.testing._device import cache_here
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    global_state_untouched,
    toy_images,
    toy_model,
)
from antivenom.training import Epoch
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.online import Online


@cache_here
def _planted_path(poisoned: bool) -> tuple[list[Checkpoint], int]:
    """How a model stood along 480 rows, of which 60 from the middle on have wrong labels, or none; where they begin."""
    known, data, first = toy_images(240, seed=3), toy_images(480), 240
    model = toy_model(known)
    start = EndToEnd(epochs=12, learning_rate=1e-2, batch_size=32).fit(model, known, rng=Rng(0))
    rows = torch.arange(len(data), device=data.device)
    wrong = (rows >= first) & (rows < first + 60) & poisoned
    data = dataclasses.replace(data, y=torch.where(wrong, (data.y + 1) % CLASSES, data.y))
    path = [Checkpoint(0, start)]

    def keep(epoch: Epoch) -> None:
        assert epoch.classifier is not None
        path.append(Checkpoint(epoch.rows, epoch.classifier.copy()))

    Online(learning_rate=0.02, checkpoints=24).fit(model, data, rng=Rng(0), start=start, callbacks=(keep,))
    return path, first


@check(quick=True)
def stream_defence_leaves_its_inputs_alone(defence: StreamDefence) -> None:
    """Neither checkpoints, clean rows nor any global random stream is touched, and it goes back to a checkpoint."""
    (path, _), clean = _planted_path(poisoned=True), toy_images(seed=2)
    before = [bytes_of(each.classifier) for each in path], dataclasses.replace(clean).fingerprint
    with global_state_untouched():
        found = defence.blame(path, clean, rng=Rng(0))
    assert before == ([bytes_of(each.classifier) for each in path], dataclasses.replace(clean).fingerprint)
    assert any(found.back is each for each in path), "it goes back to no checkpoint of the path"
    assert len(found.signal) == len(path), "it shows no signal for every checkpoint"


@check
def stream_defence_is_reproducible(defence: StreamDefence) -> None:
    """Same seed, same verdict and signal, to the bit."""
    path, _ = _planted_path(poisoned=True)
    first, again = (defence.blame(path, toy_images(seed=2), rng=Rng(0)) for _ in range(2))
    assert (first.window, first.back.rows) == (again.window, again.back.rows), "the same seed gave another verdict"
    assert torch.equal(first.signal, again.signal), "the same seed gave another signal"


@check
def stream_defence_finds_what_was_planted(defence: StreamDefence) -> None:
    """A burst of wrong labels is found where it begins, and a clean stream raises no alarm."""
    path, first = _planted_path(poisoned=True)
    found = defence.blame(path, toy_images(seed=2), rng=Rng(0))
    assert found.window is not None, "a burst of wrong labels went unseen"
    assert abs(found.window[0] - first) <= 40, f"the burst begins at row {first}; blamed are rows {found.window}"
    assert found.back.rows <= found.window[0], "it goes back into the window that it blames"
    clean, _ = _planted_path(poisoned=False)
    assert defence.blame(clean, toy_images(seed=2), rng=Rng(0)).window is None, "a clean stream raised an alarm"
