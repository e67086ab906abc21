"""Images of one's own, in a folder for each class."""

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
    """Your own images: a folder, or a ZIP file of one, with a folder for each class.

    The classes' folders stand at the top (`cat/1.png`, `dog/7.jpg`), and a share of the rows is kept for testing; or
    within `train` and `test` (or `val`). A class's number is its place in the alphabet. PNG, JPEG, BMP, GIF, PPM, TIFF
    and WebP are read; other files, and those whose names begin with a dot, are left out.

    Args:
        path: the folder or the `.zip`, as seen from the current folder.
        size: height and width that every image is brought to; the first image's own, which all must have, where left
            out.
        mode: `rgb`, or `grey`: every image is turned into that.
        fit: how an image of another shape comes to `size`: `stretch` it, `crop` the middle, or `pad` it with black.
        test_share: the share of the rows that is kept for testing where there is no folder `test`.

    Raises:
        DataError: on loading, with what is wrong and where.

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
        """Both splits."""
        with tree.Tree(Path(self.path)) as found:
            labels = [leaf.label for leaf in found.leaves]
            kinds = [leaf.split for leaf in found.leaves]
            canvas = images.Canvas(self.size, self.mode, self.fit)
            x = images.decode_all(
                len(labels),
                lambda index: (found.content(found.leaves[index]), f"{self.path}/{found.leaves[index].path}"),
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
        """Every image, or the ZIP file."""
        return tree.files_in(Path(self.path))

    def row_names(self) -> dict[int, str]:
        """The path of each training image in the folder, by its id."""
        with tree.Tree(Path(self.path)) as found:
            paths = [leaf.path for leaf in found.leaves]
            chosen = [leaf.path for leaf in found.leaves if leaf.split == "train"]
        return dict(enumerate(chosen or paths))

    def _part(self, data: Dataset, kinds: Sequence[str], kind: str) -> Dataset:
        chosen = [index for index, one in enumerate(kinds) if one == kind]
        if not chosen:
            raise DataError(
                f"{self.path} has a folder for {'testing' if kind == 'train' else 'training'} and no {kind}."
            )
        first, last = chosen[0], chosen[-1] + 1
        if last - first == len(chosen):  # next to each other, as sorted paths are: no copy
            rows = slice(first, last)
            return replace(data, x=data.x[rows], y=data.y[rows], ids=torch.arange(len(chosen)))
        return replace(data.subset(torch.tensor(chosen)), ids=torch.arange(len(chosen)))
