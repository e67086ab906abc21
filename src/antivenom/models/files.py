"""Read files of weights without running code in them."""

import pickle  # noqa: TID251 - for the name of its error alone
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from antivenom.errors import DataError, MissingDataError

WITHIN = ("state_dict", "model", "model_state_dict", "net")
"""The keys under which training scripts save weights."""

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")

ADVICE = (
    "Give a .safetensors file, or a state dict that torch.save(model.state_dict(), FILE) wrote to a .pt, .pth or .bin "
    "file."
)


def read_weights(file: Path | str) -> dict[str, Tensor]:
    """Return the tensors of a state dict by name, on the CPU.

    Args:
        file: `.safetensors`, or a state dict saved by `torch.save`, alone or in a dictionary under `state_dict`,
            `model`, `model_state_dict` or `net`. Only weights are read, and code in the file cannot run.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it contains other data than a state dict, or is damaged.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "net.pt"
    >>> torch.save(torch.nn.Linear(2, 3).state_dict(), file)
    >>> sorted(read_weights(file))
    ['bias', 'weight']
    """
    file = Path(file)
    if not file.is_file():
        raise MissingDataError(f"{file} is missing.")
    if file.suffix not in SUFFIXES:
        raise DataError(f"A file of weights must end in {', '.join(SUFFIXES)}; got {file}. {ADVICE}")
    try:
        content = load_file(file) if file.suffix == ".safetensors" else _torch(file)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        raise DataError(f"{file} must contain weights only; it has more. Save model.state_dict() alone.") from error
    except Exception as error:  # parsers of torch and safetensors raise many types
        raise DataError(
            f"{file} is not a file of weights, or it is damaged: it cannot be read as {_format_of(file)}. {ADVICE}"
        ) from error
    for name in WITHIN:
        if isinstance(content, Mapping) and isinstance(inner := content.get(name), Mapping):
            content = inner
            break
    if not isinstance(content, Mapping) or not content:
        raise DataError(f"{file} must contain a state dict of names and tensors. Save model.state_dict().")
    odd = [name for name, value in content.items() if not isinstance(name, str) or not isinstance(value, Tensor)]
    if odd:
        raise DataError(f"{file} must contain tensors by name; {odd[0]!r} is not one. Save model.state_dict().")
    return {str(name): value.detach() for name, value in content.items()}


def _format_of(file: Path) -> str:
    return "safetensors" if file.suffix == ".safetensors" else "a file of torch.save"


def _torch(file: Path) -> object:
    return torch.load(file, map_location="cpu", weights_only=True)
