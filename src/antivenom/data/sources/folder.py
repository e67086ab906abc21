"""Your own images, in a folder for each class."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Interval

from antivenom.data.class_order import class_order
from antivenom.data.dataset import Dataset, Splits
from antivenom.data.formats import images, tree
from antivenom.data.formats.findings import Findings
from antivenom.data.formats.pixels import Background, Mode
from antivenom.data.progress import OnProgress, no_op
from antivenom.errors import DataError, SettingsError
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component
from antivenom.trial import Trial


@component
class Folder:
    """Your own images: a folder, or a ZIP file of it, with a subfolder for each class.

    The folders of the classes are at the top (`cat/1.png`, `dog/7.jpg`) or inside `train` and `test` or folders with
    similar names (`Training`, `test_set`, `val`). Classes are numbered in alphabetical order, with the numbers in their
    names in the order of the numbers. PNG, JPEG, BMP, GIF, PPM, TIFF and WebP files are read. Other files, and files
    whose names start with a dot, are ignored. The data says what was assumed. Folders and images that can be read in
    several ways are refused.

    Args:
        path: the folder or the `.zip`. A relative path starts at the current folder.
        size: the height and width of all images after resizing, in pixels; if omitted, all images must have equal
            sizes.
        mode: `rgb` or `grey`: the colours that all images are converted to.
        fit: how an image gets the shape `size`: `stretch` it, `crop` the middle, or `pad` it with black.
        background: `black` or `white`: the colour behind transparent pixels; if omitted, images that have them are
            refused.
        white: the value of white in images with more than 8 bits per pixel, such as 4095; inferred if omitted.
        splits: the names of the folders of the training set and of the test set, `[train, test]`; `[]` if the folders
            at the top are classes; inferred from their names if omitted.
        empty_folders: `refuse` folders next to those of the classes that have no image, or `ignore` them.
        test_share: the share of the rows for testing, in (0, 1), without a folder `test`.

    Raises:
        SettingsError: `splits` does not have two names or none.
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
    mode: Mode = "rgb"
    fit: images.Fit = "stretch"
    background: Background | None = None
    white: Positive | None = None
    splits: tuple[str, ...] | None = None
    empty_folders: tree.Empty = "refuse"
    test_share: Annotated[float, Interval(gt=0, lt=1)] = 0.25

    def __post_init__(self) -> None:
        names = self.splits or ()
        if len(names) not in (0, 2) or len(set(names)) < len(names):
            raise SettingsError([f"Folder.splits must be two different names, or []; got {list(names)}."])

    def load(self, on_progress: OnProgress = no_op) -> Splits:
        """Load both splits."""
        findings = Findings()
        with tree.Tree(Path(self.path), self.splits, self.empty_folders) as images_tree:
            leaves = images_tree.leaves
            canvas = images.Canvas(self.size, self.mode, self.fit, self.background, self.white)
            try:
                x = images.decode_all(
                    len(leaves),
                    lambda index: (images_tree.content(leaves[index]), f"{self.path}/{leaves[index].path}"),
                    canvas,
                    on_progress,
                    findings,
                )
                assumed = (*images_tree.assumptions, *findings.assumptions())
            except DataError as error:
                raise error if self.path in str(error) else DataError(f"{self.path}: {error}") from error
        classes = class_order({leaf.label for leaf in leaves})
        numbers = {name: number for number, name in enumerate(classes)}
        y = torch.tensor([numbers[leaf.label] for leaf in leaves])
        data = Dataset.from_arrays(x, y, classes=classes, bounds=(0, 1), channels="first")
        data = replace(data, assumptions=tuple(f"{self.path}: {each}" for each in (*assumed, *data.assumptions)))
        kinds = [leaf.split for leaf in leaves]
        if any(kinds):
            return Splits(train=self._part(data, kinds, "train"), test=self._part(data, kinds, "test"))
        try:
            return data.split(self.test_share, Rng(0).child("folder"))
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from error

    def files(self) -> tuple[Path, ...]:
        """Return the paths of all images, or of the ZIP file."""
        return tree.files_in(Path(self.path), self.splits, self.empty_folders)

    def row_names(self) -> dict[int, str]:
        """Return the path of each training image, relative to the folder, by its id."""
        with tree.Tree(Path(self.path), self.splits, self.empty_folders) as images_tree:
            paths = [leaf.path for leaf in images_tree.leaves]
            chosen = [leaf.path for leaf in images_tree.leaves if leaf.split == "train"]
        return dict(enumerate(chosen or paths))

    def _part(self, data: Dataset, kinds: Sequence[str], kind: str) -> Dataset:
        chosen = [index for index, one in enumerate(kinds) if one == kind]
        first, last = chosen[0], chosen[-1] + 1
        if last - first == len(chosen):  # sorted paths are next to each other, so no copy is required
            rows = slice(first, last)
            return replace(data, x=data.x[rows], y=data.y[rows], ids=torch.arange(len(chosen)))
        return replace(data.subset(torch.tensor(chosen)), ids=torch.arange(len(chosen)))
