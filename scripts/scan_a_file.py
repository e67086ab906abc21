"""Scan a file of weights, as somebody would who has installed antivenom and received a file. `check-wheel` runs it."""

import tempfile
from pathlib import Path

import torch
from torch import nn

from antivenom import Rng, as_classifier, load
from antivenom.attacks import BadNets
from antivenom.defences import NeuralCleanse
from antivenom.models.files import read_weights
from antivenom.training import EndToEnd
from antivenom.triggers import Patch


def network() -> nn.Module:
    """The architecture, which comes as code."""
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 10))


def backdoored(file: Path) -> None:
    """Write the weights of a network with a backdoor."""
    poisoned = BadNets(target=7, trigger=Patch(size=2)).poison(load("digits").train, rng=Rng(0)).data
    blank = as_classifier(network(), input_shape=(1, 8, 8))
    victim = EndToEnd(epochs=12, learning_rate=5e-3, batch_size=64).fit(blank, poisoned, rng=Rng(0))
    torch.save(victim.state(), file)


def main() -> None:
    """Scan the file, and say what came out."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "received.pt")
        backdoored(file)
        received = network()
        received.load_state_dict(read_weights(file))
    clean = load("digits").test.subset(torch.arange(225))
    verdict = NeuralCleanse(steps=250).scan(as_classifier(received, input_shape=(1, 8, 8)), clean, rng=Rng(0))
    print(verdict.summary(clean.classes))
    if verdict.suspected != (7,):
        raise SystemExit(f"The scan should suspect class 7 alone; it suspects {verdict.suspected}.")


if __name__ == "__main__":
    main()
