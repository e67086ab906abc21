"""Checks of stream defences."""

import dataclasses

import torch

from antivenom.calling import guarded
from antivenom.defences import StreamDefence, StreamVerdict
from antivenom.models import Checkpoint
from antivenom.rng import Rng
from antivenom.testing._device import cache_here
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    global_state_untouched,
    toy_images,
    toy_model,
)
from antivenom.testing.register import check
from antivenom.training import Epoch
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.online import Online


@cache_here
def _planted_path(poisoned: bool) -> tuple[list[Checkpoint], int]:
    """Return a model's checkpoints along 480 rows, and the first of the 60 rows with wrong labels if `poisoned`."""
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
def stream_defence_does_not_change_its_inputs(defence: StreamDefence) -> None:
    """The defence does not change checkpoints, clean rows or global random streams. It returns a given checkpoint."""
    (path, _), clean = _planted_path(poisoned=True), toy_images(seed=2)
    before = [bytes_of(each.classifier) for each in path], dataclasses.replace(clean).fingerprint
    with global_state_untouched():
        verdict = guarded(defence, StreamDefence.blame, StreamVerdict)(path, clean, rng=Rng(0))
    after = [bytes_of(each.classifier) for each in path], dataclasses.replace(clean).fingerprint
    assert before == after, "the defence changed its inputs"
    assert any(verdict.last_good is each for each in path), "`last_good` must be a checkpoint of the path"
    count = len(verdict.signal)
    assert count == len(path), f"`signal` must have {len(path)} values, one for each checkpoint; got {count}"


@check
def stream_defence_is_reproducible(defence: StreamDefence) -> None:
    """The same seed returns exactly the same verdict and signal."""
    path, _ = _planted_path(poisoned=True)
    blame = guarded(defence, StreamDefence.blame, StreamVerdict)
    first, again = (blame(path, toy_images(seed=2), rng=Rng(0)) for _ in range(2))
    verdicts = [(each.window, each.last_good.rows) for each in (first, again)]
    assert verdicts[0] == verdicts[1], "the same seed returned different verdicts"
    assert torch.equal(first.signal, again.signal), "the same seed returned different signals"


@check
def stream_defence_finds_a_burst(defence: StreamDefence) -> None:
    """The defence finds the start of a burst of wrong labels, and does not blame rows of a clean stream."""
    path, first = _planted_path(poisoned=True)
    verdict = guarded(defence, StreamDefence.blame, StreamVerdict)(path, toy_images(seed=2), rng=Rng(0))
    assert verdict.window is not None, "the defence did not find a burst of wrong labels"
    start = verdict.window[0]
    assert abs(start - first) <= 40, f"the window must start within 40 rows of row {first}; it starts at row {start}"
    assert verdict.last_good.rows <= start, (
        f"`last_good` must be before the window at row {start}; it is at {verdict.last_good.rows}"
    )
    clean, _ = _planted_path(poisoned=False)
    window = guarded(defence, StreamDefence.blame, StreamVerdict)(clean, toy_images(seed=2), rng=Rng(0)).window
    assert window is None, f"the window of a clean stream must be None; got {window}"
