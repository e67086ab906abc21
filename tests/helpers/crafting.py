"""Small experiments with crafted poison."""

from antivenom.attacks import GradientPoison
from antivenom.data import Splits
from antivenom.models import MLP
from antivenom.runner import Experiment, Result, Store
from antivenom.runner.events import Finished
from antivenom.testing import toy_images
from antivenom.training import EndToEnd

QUICK = EndToEnd(epochs=2, learning_rate=5e-3, batch_size=32)
SPLITS = Splits(train=toy_images(240), test=toy_images(400, seed=1))


def experiment(**settings: object) -> Experiment:
    made = {"dataset": SPLITS, "model": MLP(hidden=(8,)), "training": QUICK, "attack": GradientPoison(rounds=3)}
    return Experiment(**{**made, **settings})


def finished(of: Experiment, store: Store | None = None) -> tuple[Result, list[Finished]]:
    heard: list[Finished] = []
    result = of.run(store=store, on_event=lambda event: heard.append(event) if isinstance(event, Finished) else None)
    return result, heard
