"""Networks for images of one channel: MNIST (28 × 28 pixels) and digits (8 × 8 pixels)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.strangers.networks.parts import Parallel


def lenet(width: int) -> nn.Module:
    """Return a LeNet-5 with tanh and average pooling. `width` is the number of its first filters."""
    return nn.Sequential(
        nn.Conv2d(1, width, 5, padding=2),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(width, 16, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Tanh(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, 10),
    )


class BadNetsCNN(nn.Module):
    """The network of BadNets (Gu et al. 2017) as its public rebuilds write it, with `view` and functional layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 5)
        self.conv2 = nn.Conv2d(width, 2 * width, 5)
        self.fc1 = nn.Linear(2 * width * 16, 512)
        self.fc2 = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = F.avg_pool2d(F.relu(self.conv1(x)), 2)
        x = F.avg_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        out: Tensor = self.fc2(F.relu(self.fc1(x)))
        return out


def vgg(width: int) -> nn.Module:
    """Return a small network in the manner of VGG, with dropout before the last layers."""
    layers: list[nn.Module] = []
    channels = 1
    for filters, repeats in ((width, 2), (2 * width, 2), (4 * width, 1)):
        for _ in range(repeats):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(inplace=True)]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    head = [nn.Flatten(), nn.Dropout(0.4), nn.Linear(channels * 9, 96), nn.ReLU(inplace=True), nn.Dropout(0.4)]
    return nn.Sequential(*layers, *head, nn.Linear(96, 10))


def mlp(width: int) -> nn.Module:
    """Return a perceptron with two hidden layers and dropout."""
    hidden = [nn.Linear(784, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.2)]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(width, 10))


class ViT(nn.Module):
    """A small vision transformer: patches of 7 × 7 pixels, a class token and two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 7, stride=7)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 17, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), tokens], dim=1) + self.positions
        out: Tensor = self.head(self.norm(self.encoder(tokens)[:, 0]))
        return out


def digits_cnn(width: int) -> nn.Module:
    """Return a network with two convolutions for images of 8 × 8 pixels."""
    first = [nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU()]
    last = [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * width, 64), nn.ReLU(), nn.Linear(64, 10)]
    return nn.Sequential(*first, *last)


def digits_mlp(width: int) -> nn.Module:
    """Return a perceptron with one hidden layer and an ELU for images of 8 × 8 pixels."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ELU(), nn.Linear(width, 10))


def inception(width: int) -> nn.Module:
    """Return a network with a squeezing stem and two blocks of parallel branches, and no hidden linear layer."""

    def block(channels: int, filters: int) -> nn.Module:
        small = nn.Conv2d(channels, filters // 2, 1)
        return nn.Sequential(
            Parallel(
                nn.Conv2d(channels, filters, 1),
                nn.Conv2d(channels, filters, 3, padding=1),
                nn.Sequential(small, nn.LeakyReLU(0.1), nn.Conv2d(filters // 2, filters, 5, padding=2)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(channels, filters, 1)),
            ),
            nn.LeakyReLU(0.1),
        )

    stem = [nn.Conv2d(1, width, 5, 2, 2), nn.LeakyReLU(0.1)]
    blocks = [block(width, width), nn.MaxPool2d(2), block(4 * width, width), nn.MaxPool2d(2)]
    return nn.Sequential(*stem, *blocks, nn.Flatten(), nn.Linear(36 * width, 10))
