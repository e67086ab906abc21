"""The marks of tests that need a device."""

import pytest
import torch

NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; PyTorch finds none")
