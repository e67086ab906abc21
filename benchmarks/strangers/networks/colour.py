"""Networks for images of three channels and 32 × 32 pixels."""

from torch import nn

from benchmarks.strangers.networks.parts import Residual


def resnet(width: int) -> nn.Module:
    """Return a residual network with batch norm: a stem and three blocks."""

    def block(channels: int, filters: int) -> nn.Module:
        first = [nn.Conv2d(channels, filters, 3, 2, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
        second = [nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters)]
        shortcut = nn.Sequential(nn.Conv2d(channels, filters, 1, 2, bias=False), nn.BatchNorm2d(filters))
        return nn.Sequential(Residual(nn.Sequential(*first, *second), shortcut), nn.ReLU())

    stem = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    blocks = [block(width, 2 * width), block(2 * width, 4 * width), block(4 * width, 8 * width)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, 10))


def groupnorm(width: int) -> nn.Module:
    """Return a network with group norm and GELU; convolutions with stride 2 take the place of pooling."""
    layers: list[nn.Module] = []
    channels = 3
    for filters, stride in ((width, 1), (2 * width, 2), (2 * width, 1), (4 * width, 2), (4 * width, 1)):
        layers += [nn.Conv2d(channels, filters, 3, stride, 1), nn.GroupNorm(4, filters), nn.GELU()]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10))


def depthwise(width: int) -> nn.Module:
    """Return a network of depthwise separable convolutions with batch norm and SiLU."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.SiLU()]
    channels = width
    for filters, stride in ((2 * width, 1), (4 * width, 2), (4 * width, 1), (8 * width, 2)):
        layers += [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), nn.BatchNorm2d(channels)]
        layers += [nn.SiLU(), nn.Conv2d(channels, filters, 1, bias=False), nn.BatchNorm2d(filters), nn.SiLU()]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def convmixer(width: int) -> nn.Module:
    """Return a ConvMixer: patches of 4 × 4 pixels, then depthwise convolutions and mixtures of channels."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 4), nn.GELU(), nn.BatchNorm2d(width)]
    for _ in range(4):
        mixed = nn.Sequential(nn.Conv2d(width, width, 5, padding=2, groups=width), nn.GELU(), nn.BatchNorm2d(width))
        layers += [Residual(mixed), nn.Conv2d(width, width, 1), nn.GELU(), nn.BatchNorm2d(width)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))
