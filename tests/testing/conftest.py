"""A device beside the CPU: the simulated one, and CUDA where there is one."""

from collections.abc import Iterator

import pytest
import torch

from antivenom.testing import second_device
from tests.helpers.devices import NO_CUDA


@pytest.fixture(params=["second", pytest.param("cuda", marks=[pytest.mark.gpu, NO_CUDA])])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    """Each of the devices in turn."""
    if request.param == "cuda":
        yield torch.device("cuda")
        return
    with second_device() as simulated:
        yield simulated
