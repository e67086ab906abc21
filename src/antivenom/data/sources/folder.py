"""Your own images, in a folder for each class."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Interval

from antivenom.data.dataset import Dataset, OnProgress, Splits, no_op
from antivenom.data.formats import images, tree
from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.trial import Trial


@component
class Folder:
    """Your own images: a folder, or a ZIP file of it, with a subfolder for each class.

    The folders of the classes are at the top (`cat/1.png`, `dog/7.jpg`) or inside `train` and `test` (or `val`).
    Classes are numbered in alphabetical order. PNG, JPEG, BMP, GIF, PPM, TIFF and WebP files are read. Other files, and
    files whose names start with a dot, are ignored.

    Args:
        path: the folder or the `.zip`. A relative path starts at the current folder.
        size: the height and width of all images after resizing, in pixels; if omitted, all images must have equal
            sizes.
        mode: `rgb` or `grey`: the colours that all images are converted to.
        fit: how an image gets the shape `size`: `stretch` it, `crop` the middle, or `pad` it with black.
        test_share: the share of the rows for testing, in (0, 1), without a folder `test`.

    Raises:
        DataError: on loading; the message names the file and the problem.

    >>> import tempfile
    >>> from PIL import Image
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
    ...     (root / name).parent.mkdir(exist_ok=True)
    ...     Image.new("RGB", (40, 30)).save(root / name)
    >>> splits = Folder(path=str(root), size=(8, 8), mode="grey").load()
    >>> splits.train.x.shape, splits.train.classes
    (torch.Size([3, 1, 8, 8]), ('cat', 'dog'))
    """

    trial = Trial(settings={"path": "mine"})

    path: str
    size: tuple[AtLeastOne, AtLeastOne] | None = None
    mode: images.Mode = "rgb"
    fit: images.Fit = "stretch"
    test_share: Annotated[float, Interval(gt=0, lt=1)] = 0.25

    def load(self, on_progress: OnProgress = no_op) -> Splits:
        """Load both splits."""
        with tree.Tree(Path(self.path)) as images_tree:
            leaves = images_tree.leaves
            labels = [leaf.label for leaf in leaves]
            kinds = [leaf.split for leaf in leaves]
            canvas = images.Canvas(self.size, self.mode, self.fit)
            x = images.decode_all(
                len(labels),
                lambda index: (images_tree.content(leaves[index]), f"{self.path}/{leaves[index].path}"),
                canvas,
                on_progress,
            )
        classes = tuple(sorted(set(labels)))
        numbers = {name: number for number, name in enumerate(classes)}
        data = Dataset.from_arrays(x, torch.tensor([numbers[label] for label in labels]), classes=classes)
        if not any(kinds):
            try:
                return data.split(self.test_share, Rng(0).child("folder"))
            except DataError as error:
                raise DataError(f"{self.path}: {error}") from error
        return Splits(train=self._part(data, kinds, "train"), test=self._part(data, kinds, "test"))

    def files(self) -> tuple[Path, ...]:
        """Return the paths of all images, or of the ZIP file."""
        return tree.files_in(Path(self.path))

    def row_names(self) -> dict[int, str]:
        """Return the path of each training image, relative to the folder, by its id."""
        with tree.Tree(Path(self.path)) as images_tree:
            paths = [leaf.path for leaf in images_tree.leaves]
            chosen = [leaf.path for leaf in images_tree.leaves if leaf.split == "train"]
        return dict(enumerate(chosen or paths))

    def _part(self, data: Dataset, kinds: Sequence[str], kind: str) -> Dataset:
        chosen = [index for index, one in enumerate(kinds) if one == kind]
        if not chosen:
            raise DataError(
                f"{self.path} has a folder {'test' if kind == 'train' else 'train'} but no folder {kind}. Add it."
            )
        first, last = chosen[0], chosen[-1] + 1
        if last - first == len(chosen):  # sorted paths are next to each other, so no copy is required
            rows = slice(first, last)
            return replace(data, x=data.x[rows], y=data.y[rows], ids=torch.arange(len(chosen)))
        return replace(data.subset(torch.tensor(chosen)), ids=torch.arange(len(chosen)))
