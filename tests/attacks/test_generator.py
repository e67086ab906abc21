"""Files that hold no generator."""

import json
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from antivenom.attacks.generator import Generator
from antivenom.errors import DataError


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}      ", b"nonsense" * 9])
def test_what_is_no_generator_is_refused(content: bytes, tmp_path: Any) -> None:
    (tmp_path / "generator.safetensors").write_bytes(content)
    with pytest.raises(DataError, match="does not contain a generator"):
        Generator.load(tmp_path / "generator.safetensors")


def test_a_generator_that_claims_too_much_is_refused_at_once(tmp_path: Any) -> None:
    file = tmp_path / "generator.safetensors"
    for hidden in ([10**12], [1] * 10_000, "many"):
        about = {"shape": [1, 6, 6], "bounds": [0, 1], "architecture": "dense", "hidden": hidden}
        save_file({"weight": torch.zeros(1)}, file, {"antivenom-generator": json.dumps(about)})
        with pytest.raises(DataError, match="does not contain a generator"):
            Generator.load(file)
