"""Read files of weights without running code in them."""

import pickle  # noqa: TID251 - for the name of its error alone
import re
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from antivenom.errors import DataError
from antivenom.files.opening import require_file
from antivenom.models.checkpoints import Weights, find_weights

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".tar")

KERAS = (".keras", ".h5", ".hdf5")
"""The endings of files of Keras."""

ADVICE = (
    "Give a .safetensors file, or a state dict that torch.save(model.state_dict(), FILE) wrote to a .pt, .pth, .bin, "
    ".ckpt or .tar file."
)

SAVE_ALONE = "Ask its author for the weights alone: torch.save(model.state_dict(), FILE)."


class _Ignored:
    """Takes the place of a NumPy number in a checkpoint, such as the best accuracy. NumPy is not called."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


NUMBERS = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype")
"""What a pickled NumPy number calls."""


BYTES = b"bytearray"
"""The one object that torch makes at any size that a file claims."""


def read_weights(file: Path | str, part: str | None = None) -> Weights:
    """Return the tensors of a state dict by name, on the CPU, and what was assumed.

    Args:
        file: `.safetensors`, or a state dict saved by `torch.save`, alone or inside dictionaries. Only weights are
            read, and code in the file cannot run.
        part: the keys of the dictionary with the weights, separated by dots, such as `netC` or `ema.model`; null if the
            file contains only one.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it contains no weights, several sets of weights, or objects other than weights; or it is damaged.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "net.pt"
    >>> torch.save({"epoch": 3, "model": torch.nn.Linear(2, 3).state_dict()}, file)
    >>> weights = read_weights(file)
    >>> sorted(weights), "'model'" in weights.assumptions[0]
    (['bias', 'weight'], True)
    """
    file = Path(file)
    require_file(file)
    if file.suffix in KERAS:
        load = "model.load_weights(FILE), then as_classifier(model, ...)"
        if not file.name.endswith(".weights.h5"):
            load = "as_classifier(keras.models.load_model(FILE), ...)"
        raise DataError(
            f"{file} is a file of Keras, and only weights of PyTorch are read. In Python: {load}. For antivenom "
            "measure, pass predictions in a .npz."
        )
    if file.suffix not in SUFFIXES:
        raise DataError(f"A file of weights must end in {', '.join(SUFFIXES)}; got {file}. {ADVICE}")
    return find_weights(_content(file), str(file), part)


def _content(file: Path) -> object:
    try:
        return load_file(file) if file.suffix == ".safetensors" else _torch(file)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"it has an object of {named[1]}, which can run code" if named else "it has more"
        raise DataError(f"{file} must contain weights only; {what}. {SAVE_ALONE}") from error
    except DataError:
        raise
    except Exception as error:  # parsers of torch and safetensors raise many types
        raise DataError(
            f"{file} is not a file of weights, or it is damaged: it cannot be read as {_format_of(file)}. {ADVICE}"
        ) from error


def _format_of(file: Path) -> str:
    return "safetensors" if file.suffix == ".safetensors" else "a file of torch.save"


def _torch(file: Path) -> object:
    _check_size(file)
    with torch.serialization.safe_globals([(_Ignored, name) for name in NUMBERS]):
        return torch.load(file, map_location="cpu", weights_only=True)


def _check_size(file: Path) -> None:
    """Raise DataError for a file that would need much more memory than its size."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise DataError(f"{file} is compressed, which torch.save never does. {SAVE_ALONE}")
        programs = [entry for entry in archive.infolist() if entry.filename.endswith("data.pkl")]
        if any(BYTES in archive.read(entry) for entry in programs):
            raise DataError(f"{file} must contain weights only; it has an object of bytearray. {SAVE_ALONE}")
