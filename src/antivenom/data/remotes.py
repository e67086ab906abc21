"""The downloads of the named data sets: addresses, sizes and SHA-256 sums.

The sums come from `tensorflow_datasets/url_checksums/` of tensorflow/datasets. Files in an archive have no published
sums. Their sums are stored when they are first unpacked, from an archive with the correct sum.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Remote:
    """A published file.

    Attributes:
        url: the address.
        size: in bytes.
        sha256: the SHA-256 sum, in hexadecimal.
        place: the path in the data folder. An archive is unpacked into the folder of this path.
        members: the names and sizes of the files to unpack from an archive; empty for a plain file.
    """

    url: str
    size: int
    sha256: str
    place: str
    members: tuple[tuple[str, int], ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of the final files, in the data folder."""
        folder = self.place.rpartition("/")[0]
        return tuple(f"{folder}/{name}" for name, _ in self.members) or (self.place,)


_MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
_CIFAR = "https://www.cs.toronto.edu/~kriz"
_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
_MNIST_SUMS = (
    (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)
_FASHION_SUMS = (
    (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)
_BATCH = 10_000 * 3073

REMOTES: dict[str, tuple[Remote, ...]] = {
    "mnist": tuple(
        Remote(f"{_MNIST}/{name}", size, sha, f"mnist/{name}")
        for name, (size, sha) in zip(_NAMES, _MNIST_SUMS, strict=True)
    ),
    "fashion_mnist": tuple(
        Remote(f"{_FASHION}/{name}", size, sha, f"fashion_mnist/{name}")
        for name, (size, sha) in zip(_NAMES, _FASHION_SUMS, strict=True)
    ),
    "cifar10": (
        Remote(
            f"{_CIFAR}/cifar-10-binary.tar.gz",
            170052171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            "cifar10/cifar-10-binary.tar.gz",
            tuple(
                (f"cifar-10-batches-bin/{name}.bin", _BATCH)
                for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
            ),
        ),
    ),
    "cifar100": (
        Remote(
            f"{_CIFAR}/cifar-100-binary.tar.gz",
            168513733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            "cifar100/cifar-100-binary.tar.gz",
            (
                ("cifar-100-binary/train.bin", 50_000 * 3074),
                ("cifar-100-binary/test.bin", 10_000 * 3074),
                ("cifar-100-binary/coarse_label_names.txt", 10_000),
                ("cifar-100-binary/fine_label_names.txt", 10_000),
            ),
        ),
    ),
}
