"""Keras models of both kinds."""

from typing import Any

import pytest

from antivenom.testing import toy_images

DATA = toy_images()
SHAPE, CLASSES = DATA.shape, len(DATA.classes)


def keras_models() -> dict[str, Any]:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    layers = keras.layers
    image = layers.Input((6, 6, 1))
    branch = layers.Conv2D(3, 3, activation="relu")(image)
    joined = layers.Concatenate()([layers.Flatten()(branch), layers.Flatten()(image)])
    return {
        "sequential": keras.Sequential(
            [
                layers.Input((6, 6, 1)),
                layers.Conv2D(4, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.Flatten(),
                layers.Dropout(0.2),
                layers.Dense(CLASSES),
            ]
        ),
        "probabilities": keras.Sequential(
            [layers.Input((1, 6, 6)), layers.Flatten(), layers.Dense(8), layers.Dense(CLASSES, activation="softmax")]
        ),
        "functional": keras.Model(image, layers.Dense(CLASSES)(joined)),
    }
