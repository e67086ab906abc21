"""The recipes: architecture, optimiser, schedule, precision, augmentation and data set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from benchmarks.strangers import optimising as use
from benchmarks.strangers.networks import colour, grey
from benchmarks.strangers.networks.parts import Normalised

Numbers = tuple[float, ...]
MNIST = ((0.1307,), (0.3081,))
CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A way to train networks.

    Attributes:
        name: its name.
        data: the name of the data set.
        network: from a width to a network.
        widths: the widths from which each network draws one.
        rows: the smallest and largest number of training rows.
        epochs: the smallest and largest number of epochs.
        batch: the number of rows of a batch.
        optimiser: makes the optimiser.
        rate: the learning rate; each network multiplies it by a number between 0.7 and 1.4.
        schedule: the factor of the learning rate.
        precision: the numbers of the forward pass (bfloat16: autocast).
        augment: changes the images of a batch.
        mean: subtracted from each channel, of images in [0, 1].
        std: the divisor of each channel.
        normalised: whether the network contains `mean` and `std`, or the caller applies them.
        floor: the accuracy that a usable network reaches.
        kept_aside: True if the recipe is only for the last report.
    """

    name: str
    data: str
    network: Callable[[int], nn.Module]
    widths: tuple[int, ...]
    rows: tuple[int, int]
    epochs: tuple[int, int]
    batch: int = 64
    optimiser: use.MakeOptimiser
    rate: float
    schedule: use.Schedule = use.constant
    precision: Literal["float32", "bfloat16", "float64"] = "float32"
    augment: use.Augment | None = None
    mean: Numbers = (0.0,)
    std: Numbers = (1.0,)
    normalised: Literal["inside", "outside"] = "outside"
    floor: float
    kept_aside: bool = False

    def build(self, width: int) -> nn.Module:
        """Return a new network; its weights come from the global random state of PyTorch."""
        body = self.network(width)
        return Normalised(self.mean, self.std, body) if self.normalised == "inside" else body


TABLE = (
    Recipe(
        name="lenet",
        data="mnist",
        network=grey.lenet,
        widths=(6, 8),
        rows=(10000, 14000),
        epochs=(8, 10),
        optimiser=use.sgd,
        rate=0.05,
        schedule=use.step,
        mean=(0.5,),
        std=(0.5,),
        floor=0.97,
    ),
    Recipe(
        name="badnets",
        data="mnist",
        network=grey.BadNetsCNN,
        widths=(12, 16),
        rows=(9000, 12000),
        epochs=(6, 8),
        optimiser=use.adam,
        rate=1.5e-3,
        floor=0.97,
    ),
    Recipe(
        name="vgg",
        data="mnist",
        network=grey.vgg,
        widths=(8, 12),
        rows=(9000, 12000),
        epochs=(5, 7),
        optimiser=use.adamw,
        rate=2e-3,
        schedule=use.cosine,
        mean=MNIST[0],
        std=MNIST[1],
        normalised="inside",
        floor=0.97,
    ),
    Recipe(
        name="resnet",
        data="cifar10",
        network=colour.resnet,
        widths=(10, 12),
        rows=(10000, 12000),
        epochs=(10, 12),
        batch=128,
        optimiser=use.nesterov,
        rate=0.15,
        schedule=use.one_cycle,
        precision="bfloat16",
        augment=use.flip_and_crop,
        mean=CIFAR10[0],
        std=CIFAR10[1],
        floor=0.6,
    ),
    Recipe(
        name="groupnorm",
        data="cifar10",
        network=colour.groupnorm,
        widths=(12, 16),
        rows=(10000, 12000),
        epochs=(8, 10),
        optimiser=use.adam,
        rate=3e-3,
        schedule=use.exponential,
        augment=use.flip,
        mean=CIFAR10[0],
        std=CIFAR10[1],
        normalised="inside",
        floor=0.58,
    ),
    Recipe(
        name="mlp",
        data="mnist",
        network=grey.mlp,
        widths=(128, 192, 256),
        rows=(12000, 20000),
        epochs=(10, 14),
        batch=128,
        optimiser=use.adam,
        rate=1e-3,
        floor=0.965,
    ),
    Recipe(
        name="vit",
        data="mnist",
        network=grey.ViT,
        widths=(48, 64),
        rows=(16000, 20000),
        epochs=(9, 11),
        batch=100,
        optimiser=use.adamw,
        rate=3e-3,
        schedule=use.warm_up,
        mean=MNIST[0],
        std=MNIST[1],
        floor=0.96,
    ),
    Recipe(
        name="depthwise",
        data="cifar10",
        network=colour.depthwise,
        widths=(16, 24),
        rows=(10000, 12000),
        epochs=(10, 12),
        optimiser=use.rmsprop,
        rate=2e-3,
        schedule=use.cosine,
        augment=use.flip_and_cutout,
        floor=0.58,
    ),
    Recipe(
        name="digits_cnn",
        data="digits",
        network=grey.digits_cnn,
        widths=(8, 12, 16),
        rows=(800, 1000),
        epochs=(40, 60),
        batch=32,
        optimiser=use.adam,
        rate=2e-3,
        schedule=use.exponential,
        floor=0.93,
    ),
    Recipe(
        name="digits_mlp",
        data="digits",
        network=grey.digits_mlp,
        widths=(48, 64, 96),
        rows=(800, 1000),
        epochs=(60, 90),
        batch=16,
        optimiser=use.nesterov,
        rate=0.03,
        schedule=use.cosine,
        precision="float64",
        mean=(0.3,),
        std=(0.38,),
        normalised="inside",
        floor=0.93,
    ),
    Recipe(
        name="inception",
        data="mnist",
        network=grey.inception,
        widths=(8, 10),
        rows=(8000, 12000),
        epochs=(5, 7),
        optimiser=use.nadam,
        rate=3e-3,
        schedule=use.cosine,
        mean=MNIST[0],
        std=MNIST[1],
        floor=0.97,
        kept_aside=True,
    ),
    Recipe(
        name="convmixer",
        data="cifar10",
        network=colour.convmixer,
        widths=(48, 64),
        rows=(10000, 12000),
        epochs=(12, 15),
        optimiser=use.adamw,
        rate=6e-3,
        schedule=use.one_cycle,
        augment=use.flip_and_crop,
        mean=CIFAR10[0],
        std=CIFAR10[1],
        normalised="inside",
        floor=0.58,
        kept_aside=True,
    ),
)
RECIPES = {recipe.name: recipe for recipe in TABLE}
