"""A pre-activation residual network for small images."""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional

from antivenom.errors import SettingsError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.trial import Trial


@component
class PreactResnet18:
    """Pre-activation ResNet-18 for images of about 32 × 32 pixels, the usual network of backdoor benchmarks.

    He, Zhang, Ren and Sun, *Identity Mappings in Deep Residual Networks* (2016). It has a 3 × 3 convolution without
    pooling, four stages of two blocks, the mean over all positions, and a linear layer.

    Args:
        width: the number of filters of the first stage; it doubles in each stage. The paper uses 64.

    Raises:
        SettingsError: on building, if rows are not images.

    >>> from antivenom.rng import Rng
    >>> net = PreactResnet18().build(input_shape=(3, 32, 32), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> sum(parameter.numel() for parameter in net.module.parameters())
    11171146
    """

    trial = Trial(settings={"width": 4})

    width: AtLeastOne = 64

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> ModuleClassifier:
        """Return an untrained classifier for images of `input_shape` (channels, height, width)."""
        if problem := self.problems(input_shape):
            raise SettingsError([f"PreactResnet18 {problem[0]}"])
        factory = partial(_from_stream, input_shape[0], classes, self.width)
        return ModuleClassifier(factory(rng), input_shape=input_shape, bounds=bounds, factory=factory)

    def problems(self, input_shape: tuple[int, ...]) -> list[str]:
        """Return a sentence for each reason against rows of this shape."""
        if len(input_shape) == 3:
            return []
        return [f"requires images (channels, height, width); the rows have shape {input_shape}. Use `mlp`."]


class Block(nn.Module):
    """A residual block: normalise, rectify and convolve, twice, and add the input."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.norm_1 = nn.BatchNorm2d(before)
        self.conv_1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm_2 = nn.BatchNorm2d(after)
        self.conv_2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        plain = stride == 1 and before == after
        self.shortcut = None if plain else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (n, before, h, w) to (n, after, h / stride, w / stride)."""
        rectified = functional.relu(self.norm_1(x))
        kept = x if self.shortcut is None else self.shortcut(rectified)
        out: Tensor = self.conv_2(functional.relu(self.norm_2(self.conv_1(rectified))))
        return out + kept


class Network(nn.Module):
    """The complete network. `forward` returns logits (n, classes)."""

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        stages, before = [], width
        for stage in range(4):
            after = width << stage
            first = Block(before, after, 1 if stage == 0 else 2)
            stages.append(nn.Sequential(first, Block(after, after, 1)))
            before = after
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes) of rows (n, channels, h, w)."""
        out: Tensor = self.head(self.stages(self.conv(x)).mean((2, 3)))
        return out


def _from_stream(channels: int, classes: int, width: int, rng: Rng) -> Network:
    with rng.torch_globally():
        network = Network(channels, classes, width)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network
