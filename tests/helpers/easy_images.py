"""Easy images, to train on and to scan with."""

from antivenom.testing import toy_images

TRAIN, CLEAN = toy_images(480), toy_images(128, seed=1)
