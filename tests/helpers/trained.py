"""Networks that have learned easy images."""

from typing import Any

from antivenom.data import Dataset
from antivenom.models import CNN
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import EndToEnd

TRAIN, TEST = toy_images(800), toy_images(400, seed=1)
TRAINING = EndToEnd(epochs=12, learning_rate=5e-3, batch_size=32)


def net(model: Any = None, data: Dataset = TRAIN, seed: int = 0) -> Any:
    blank = (model or CNN(filters=(8, 8), hidden=(16,))).build(
        input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(seed)
    )
    return TRAINING.fit(blank, data, rng=Rng(seed))
