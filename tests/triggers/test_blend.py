"""Blends, on rows small enough to see."""

import torch

from antivenom.triggers import Blend


def test_a_blend_is_one_pattern_over_the_range() -> None:
    x = torch.tensor([-1.0, 3.0])[:, None, None, None].expand(2, 3, 20, 20)
    blended = Blend(alpha=0.25, seed=1).apply(x, (-1.0, 3.0))
    pattern = (blended - 0.75 * x) / 0.25
    assert torch.allclose(pattern[0], pattern[1], atol=1e-5)
    assert pattern.min() >= -1 - 1e-4 and pattern.max() <= 3 + 1e-4 and abs(float(pattern.mean()) - 1) < 0.1
    assert not torch.equal(blended, Blend(alpha=0.25, seed=2).apply(x, (-1.0, 3.0)))
    assert torch.equal(Blend(alpha=0.0).apply(x, (-1.0, 3.0)), x)
