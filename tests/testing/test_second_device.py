"""The simulated second device behaves as CUDA does, and catches what would only fail on a GPU."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from antivenom.errors import AntivenomError
from antivenom.rng import Rng
from antivenom.runner.executors.stages import choose_device
from antivenom.testing import second_device

Where = torch.device


def on(device: Where, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=Rng(0).generator()).to(device)


MIXED: dict[str, Callable[[Where], object]] = {
    "pointwise": lambda d: on(d, 3) + torch.ones(3),
    "comparison": lambda d: on(d, 3) == torch.ones(3),
    "product": lambda d: on(d, 2, 3) @ torch.ones(3, 2),
    "linear layer": lambda d: nn.Linear(3, 2)(on(d, 2, 3)),
    "convolution": lambda d: nn.Conv2d(1, 2, 2)(on(d, 1, 1, 3, 3)),
    "where": lambda d: torch.where(torch.ones(3) > 0, on(d, 3), on(d, 3)),
    "cat": lambda d: torch.cat([on(d, 3), torch.ones(1)]),
    "stack of numbers": lambda d: torch.stack([on(d, 3)[0], torch.tensor(1.0)]),
    "in place": lambda d: on(d, 3).add_(torch.ones(3)),
    "into a CPU number": lambda d: torch.tensor(1.0).add_(on(d, 3)[0]),
    "index_select": lambda d: on(d, 3).index_select(0, torch.tensor([0])),
    "gather": lambda d: on(d, 2, 3).gather(1, torch.zeros(2, 1, dtype=torch.int64)),
    "indices there, rows here": lambda d: torch.ones(3)[torch.tensor([0], device=d)],
    "written at indices": lambda d: on(d, 3).index_put_((torch.tensor([0, 1], device=d),), torch.ones(2)),
    "loss": lambda d: functional.cross_entropy(on(d, 2, 3), torch.zeros(2, dtype=torch.int64)),
    "embedding": lambda d: functional.embedding(torch.tensor([1]), on(d, 2, 3)),
    "equal": lambda d: torch.equal(on(d, 3), torch.ones(3)),
    "bincount": lambda d: torch.bincount(torch.tensor([1, 1], device=d), weights=torch.ones(2)),
    "a generator of the CPU": lambda d: torch.rand(3, generator=torch.Generator(), device=d),
    "its generator on the CPU": lambda d: torch.rand(3, generator=torch.Generator(d)),
    "its generator, in place": lambda d: torch.empty(3).normal_(generator=torch.Generator(d)),
    "fused Adam's count": lambda d: torch._fused_adam_(
        *([on(d, 3)] for _ in range(4)), [], [torch.ones(())],
        lr=1.0, beta1=0.9, beta2=0.9, weight_decay=0.0, eps=1.0, amsgrad=False, maximize=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXED)
def test_two_devices_do_not_mix(device: Where, name: str) -> None:
    with pytest.raises(RuntimeError, match="device"):
        MIXED[name](device)


ALLOWED: dict[str, Callable[[Where], Tensor]] = {
    "a CPU number": lambda d: on(d, 3) * torch.tensor(2.0),
    "a CPU number in where": lambda d: torch.where(on(d, 3) > 0.5, on(d, 3), torch.tensor(0.0)),
    "CPU positions": lambda d: on(d, 3)[torch.tensor([2, 0])],
    "a CPU mask": lambda d: on(d, 3)[torch.tensor([True, False, True])],
    "a slice from the CPU": lambda d: _sliced(on(d, 3)),
    "a value under a mask": lambda d: _masked(on(d, 4)),
    "a copy": lambda d: on(d, 3).clone().copy_(torch.ones(3)),
    "whole numbers": lambda d: torch.arange(5, device=d) // 2,
    "sorting": lambda d: on(d, 5).sort().values,
    "strides": lambda d: on(d, 2, 3).t().contiguous(),
    "shapes in place": lambda d: on(d, 2, 3).unsqueeze_(0).squeeze_().t_(),
    "from a list": lambda d: torch.tensor([1.0, 2.0], device=d),
    "from NumPy": lambda d: torch.as_tensor(np.arange(3.0), device=d),
    "like a CPU tensor": lambda d: torch.ones_like(torch.zeros(2), device=d),
    "per row": lambda d: torch.func.vmap(torch.func.grad(lambda row: (row**2).sum()))(on(d, 2, 3)),
    "interpolation": lambda d: functional.interpolate(on(d, 1, 1, 2, 2), size=(4, 4)),
    "a permutation": lambda d: torch.randperm(4, device=d, generator=torch.Generator(d).manual_seed(0)).sort().values,
}


def _sliced(x: Tensor) -> Tensor:
    x[:2] = torch.ones(2)
    return x


def _masked(x: Tensor) -> Tensor:
    x[x > 0.5] = 2.0
    x[torch.tensor([0])] = torch.tensor(3.0)
    return x


@pytest.mark.parametrize("name", ALLOWED)
def test_what_may_be_mixed_is_computed_there(device: Where, name: str) -> None:
    found = ALLOWED[name](device)
    assert found.device.type == device.type
    torch.testing.assert_close(found.cpu(), ALLOWED[name](torch.device("cpu")))


def test_tensors_know_where_they_are(device: Where) -> None:
    x = on(device, 2)
    assert x.device == torch.device(device.type, 0) != device, "a device without an index is no tensor's"
    assert x.cpu().device == torch.device("cpu")
    assert torch.zeros(2).to(x).device == x.device
    assert x.new_zeros(2, device="cpu").device.type == "cpu"
    with pytest.raises(RuntimeError, match=r"device ordinal|invalid device"):
        torch.zeros(1, device=f"{device.type}:77")


def test_numpy_needs_a_copy(device: Where) -> None:
    x = on(device, 2)
    for ask in (x.numpy, lambda: np.asarray(x), lambda: np.add(x, 1)):
        with pytest.raises(TypeError, match=r"Tensor\.cpu\(\)"):
            ask()
    assert x.tolist() == x.cpu().numpy().tolist()
    assert f"{x[0]:.2f}" == f"{x[0].item():.2f}"


def test_what_only_a_cpu_has_is_refused(device: Where) -> None:
    whole = torch.arange(3, device=device)
    for ask in (lambda: torch.histogram(on(device, 3)), lambda: whole @ whole, lambda: on(device, 3).to_mkldnn()):
        with pytest.raises(RuntimeError):
            ask()


def test_numbers_come_from_the_generator_that_is_named(device: Where) -> None:
    def drawn() -> Tensor:
        return torch.rand(3, device=device, generator=Rng(0).generator(device))

    before, beside = torch.random.get_rng_state(), torch.get_device_module(device).get_rng_state(device)
    assert Rng(0).generator(device).device.type == device.type
    assert torch.equal(drawn(), drawn())
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(beside, torch.get_device_module(device).get_rng_state(device))


def test_the_device_has_a_global_generator_of_its_own(device: Where) -> None:
    def drawn() -> list[Tensor]:
        dropped = functional.dropout(torch.ones(50, device=device))
        return [torch.rand(3, device=device), torch.rand_like(dropped), dropped]

    before = torch.random.get_rng_state()
    with Rng(0).torch_globally(device):
        first = drawn()
    drawn()
    with Rng(0).torch_globally(device):
        again = drawn()
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert torch.equal(before, torch.random.get_rng_state()), "a draw there moved the CPU's stream"


def network() -> nn.Sequential:
    with Rng(0).torch_globally():
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)
        )


@pytest.mark.parametrize("options", [{}, {"fused": True}, {"foreach": True}])
def test_a_network_learns_there_as_on_the_cpu(device: Where, options: dict[str, bool]) -> None:
    x, y = on(torch.device("cpu"), 8, 1, 6, 6), torch.arange(8) % 3
    states = []
    for where in (torch.device("cpu"), device):
        net = copy.deepcopy(network().to(where)).to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, **options)
        for _ in range(3):
            optimizer.zero_grad()
            functional.cross_entropy(net(x.to(where)), y.to(where)).backward()
            optimizer.step()
        assert {value.device.type for value in net.state_dict().values()} == {where.type}
        states.append({name: value.cpu() for name, value in net.state_dict().items()})
    torch.testing.assert_close(*states, atol=1e-5, rtol=1e-4)
    network().to(device).load_state_dict(states[0])


def test_second_derivatives(device: Where) -> None:
    x = on(device, 3).requires_grad_()
    (slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    slope.sum().backward()
    torch.testing.assert_close(x.grad, 6 * x.detach())


def test_lower_precision(device: Where) -> None:
    with torch.autocast(device.type, torch.bfloat16):
        out = network().to(device)(on(device, 4, 1, 6, 6))
        loss = functional.cross_entropy(out, torch.zeros(4, dtype=torch.int64, device=device))
    loss.backward()
    assert (out.dtype, loss.dtype) == (torch.bfloat16, torch.float32)


def test_data_takes_another_memory(device: Where) -> None:
    flat, weight = torch.zeros(6, device=device), nn.Parameter(on(device, 2, 3))
    weight.data = flat.view(3, 2)
    flat.fill_(1.0)
    assert weight.tolist() == [[1.0, 1.0]] * 3
    with pytest.raises(RuntimeError, match="incompatible tensor type"):
        weight.data = torch.zeros(3, 2)


def test_copies_share_nothing(device: Where) -> None:
    weight = nn.Parameter(on(device, 2))
    (weight * 2).sum().backward()
    copied = copy.deepcopy(weight)
    assert isinstance(copied, nn.Parameter) and copied.requires_grad and copied.grad is not weight.grad
    with torch.no_grad():
        copied.zero_()
    assert weight.abs().sum() > 0


def test_devices_are_chosen_by_name(device: Where) -> None:
    assert choose_device(device.type) == device
    with pytest.raises(AntivenomError, match="The device 'third' is not available"):
        choose_device("third")


def test_the_block_leaves_generators_as_they_were() -> None:
    before = torch.Generator
    with second_device(), second_device() as device:
        assert isinstance(torch.Generator(), torch.Generator)
        assert isinstance(torch.Generator(device), before)
        assert not isinstance(1, torch.Generator)
    assert torch.Generator is before
