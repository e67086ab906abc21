"""Opening files of weights without running what is in them."""

import pickle  # noqa: TID251 - for the name of its error alone
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from antivenom.errors import DataError, MissingDataError

WITHIN = ("state_dict", "model", "model_state_dict", "net")
"""Where training scripts put the weights in what they save."""

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")


def read_weights(file: Path | str) -> dict[str, Tensor]:
    """The tensors of a state dict by name, on the CPU.

    Args:
        file: `.safetensors`, or what `torch.save` wrote of a state dict: as it is, or within a dictionary as
            `state_dict`, `model`, `model_state_dict` or `net`. It is read as weights only; nothing in it can run.

    Raises:
        MissingDataError: it is not there.
        DataError: it holds anything else, or is damaged.

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
        raise DataError(f"{file} is no file of weights: its name must end in {', '.join(SUFFIXES)}.")
    try:
        held = load_file(file) if file.suffix == ".safetensors" else _torch(file)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        raise DataError(f"{file} holds more than weights, which is not read: save its state_dict() alone.") from error
    except Exception as error:  # torch and safetensors raise whatever their parsers do
        raise DataError(f"{file} is damaged: {str(error).partition(chr(10))[0]}") from error
    for name in WITHIN:
        if isinstance(held, Mapping) and isinstance(inner := held.get(name), Mapping):
            held = inner
            break
    if not isinstance(held, Mapping) or not held:
        raise DataError(f"{file} holds no state dict: names and tensors.")
    odd = [name for name, value in held.items() if not isinstance(name, str) or not isinstance(value, Tensor)]
    if odd:
        raise DataError(f"{file} holds {odd[0]!r}, which is no tensor with a name. Save a model's state_dict().")
    return {str(name): value.detach() for name, value in held.items()}


def _torch(file: Path) -> object:
    return torch.load(file, map_location="cpu", weights_only=True)
