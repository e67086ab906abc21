"""A fast path for plain networks: explicit derivatives, reused buffers, and no autograd graph.

Small networks on a CPU spend more time on autograd's graph and on new memory for gradients than on arithmetic. This
module contains the derivatives of an `nn.Sequential` of linear, convolution, pooling and elementwise layers. The tests
compare them with autograd. All other networks are trained with autograd.
"""

from collections.abc import Callable
from itertools import takewhile
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from antivenom.private.kernels import log_softmax_backward

aten = torch.ops.aten

MEAN = 1
"""The code of `aten` for the reduction to a mean."""

FEW_CHANNELS = 4
"""Up to this number of channels, the first convolution is faster as a matrix product over its windows."""


class _Layer(Protocol):
    """A layer with an explicit derivative."""

    def forward(self, x: Tensor) -> Tensor: ...

    def backward(self, gradient: Tensor, needed: bool) -> Tensor: ...


class PlainNetwork:
    """The loss and gradients of a plain network.

    Args:
        module: a module for which `plain` returns True.
    """

    def __init__(self, module: nn.Sequential) -> None:
        self.layers: list[_Layer] = []
        kinds = list(module)
        first_conv = next((layer for layer in kinds if type(layer) is nn.Conv2d), None)
        index = 0
        while index < len(kinds):
            pair = kinds[index : index + 2]
            if [type(layer) for layer in pair] == [nn.ReLU, nn.MaxPool2d]:
                # pooling first has the same result and gradient, and rectifies fewer numbers
                self.layers += [_MAKERS[nn.MaxPool2d](pair[1]), _MAKERS[nn.ReLU](pair[0])]
                index += 2
                continue
            layer = kinds[index]
            if layer is first_conv and layer.in_channels <= FEW_CHANNELS and not self.layers:
                self.layers.append(_Windows(layer))
            elif type(layer) is not nn.Identity:
                self.layers.append(_MAKERS[type(layer)](layer))
            index += 1
        self.one = torch.ones(())
        shared = takewhile(lambda layer: isinstance(layer, _Flat | _Elementwise), self.layers)
        self.writes_into_rows = any(isinstance(layer, _Elementwise) for layer in shared)
        weighted = _Dense | _Convolution | _Windows
        first = next(index for index, layer in enumerate(self.layers) if isinstance(layer, weighted))
        self.backwards = [(self.layers[index], index > first) for index in range(len(self.layers) - 1, first - 1, -1)]

    def gradients(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy of a batch, and write its gradient into `grad` of each parameter."""
        x = x.clone() if self.writes_into_rows else x
        for layer in self.layers:
            x = layer.forward(x)
        log = torch.log_softmax(x, 1)
        loss, count = aten.nll_loss_forward.default(log, y, None, MEAN, -100)
        gradient = aten.nll_loss_backward.default(self.one, log, y, None, MEAN, -100, count)
        gradient = log_softmax_backward(gradient, log)
        for layer, needed in self.backwards:
            gradient = layer.backward(gradient, needed)
        return loss  # type: ignore[no-any-return]


def plain(module: nn.Module) -> bool:
    """True if a module is a plain network: on a CPU, in float32, of known and trainable layers, without hooks."""
    if type(module) is not nn.Sequential or not len(module) or type(module[-1]) is not nn.Linear:
        return False
    parameters = list(module.parameters())
    if any(p.device.type != "cpu" or p.dtype != torch.float32 or not p.requires_grad for p in parameters):
        return False
    if len(parameters) != sum(len(list(layer.parameters())) for layer in module) or len(set(module)) != len(module):
        return False  # a weight or a layer is used twice
    return not _hooked(module) and all(not _hooked(layer) and _known(layer) for layer in module)


def _known(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Conv2d):
        usual = layer.stride == (1, 1) and layer.dilation == (1, 1) and layer.groups == 1
        zeros = layer.padding_mode == "zeros" and isinstance(layer.padding, tuple)
        return type(layer) is nn.Conv2d and usual and zeros and layer.bias is not None
    if isinstance(layer, nn.MaxPool2d):
        same = layer.stride == layer.kernel_size and layer.padding == 0 and layer.dilation == 1
        return type(layer) is nn.MaxPool2d and same and not layer.ceil_mode and not layer.return_indices
    if isinstance(layer, nn.Linear):
        return type(layer) is nn.Linear and layer.bias is not None
    if isinstance(layer, nn.Flatten):
        return (layer.start_dim, layer.end_dim) == (1, -1)
    return type(layer) in _MAKERS or type(layer) is nn.Identity


def _hooked(module: nn.Module) -> bool:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    parametrised = hasattr(module, "parametrizations")
    return parametrised or "forward" in vars(module) or any(getattr(module, kind) for kind in kinds)


def _buffer(old: Tensor | None, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return a buffer of at least that shape: the old one if it is large enough, otherwise a new one."""
    if old is None or old.shape[1:] != shape[1:] or len(old) < shape[0]:
        return like.new_empty(shape)
    return old


class _Dense:
    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.Linear) and layer.bias is not None
        assert layer.weight.grad is not None and layer.bias.grad is not None
        self.weight, self.bias = layer.weight.detach(), layer.bias.detach()
        self.transposed = self.weight.t()
        self.transposed_grad, self.bias_grad = layer.weight.grad.t(), layer.bias.grad
        self.buffers: dict[int, tuple[Tensor, Tensor]] = {}  # by batch size: the output, and the gradient of the input
        self.x = self.weight

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        buffers = self.buffers.get(len(x))
        if buffers is None:
            buffers = self.buffers[len(x)] = (x.new_empty(len(x), len(self.weight)), torch.empty_like(x))
        return torch.addmm(self.bias, x, self.transposed, out=buffers[0])

    def backward(self, gradient: Tensor, needed: bool) -> Tensor:
        torch.mm(self.x.t(), gradient, out=self.transposed_grad)
        torch.sum(gradient, 0, out=self.bias_grad)
        return torch.mm(gradient, self.weight, out=self.buffers[len(gradient)][1]) if needed else gradient


class _Convolution:
    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.Conv2d) and layer.bias is not None
        self.weight, self.bias = layer.weight.detach(), layer.bias.detach()
        self.grads = (layer.weight.grad, layer.bias.grad)
        self.padding = list(layer.padding) if isinstance(layer.padding, tuple) else []
        self.x = self.weight

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        return functional.conv2d(x, self.weight, self.bias, padding=self.padding)

    def backward(self, gradient: Tensor, needed: bool) -> Tensor:
        parts = aten.convolution_backward(
            gradient, self.x, self.weight, [len(self.bias)], [1, 1], self.padding, [1, 1], False, [0, 0], 1,
            [needed, True, True],
        )  # fmt: skip
        for grad, new in zip(self.grads, parts[1:], strict=True):
            assert grad is not None
            grad.copy_(new)
        return parts[0] if needed else gradient


class _Windows:
    """The first convolution as a matrix product over all windows. Its output has channels last.

    The windows are stored by place (channel and offset first). Each place is one long copy of a shifted image.
    """

    def __init__(self, layer: nn.Conv2d) -> None:
        assert layer.bias is not None and isinstance(layer.padding, tuple)
        assert layer.weight.grad is not None and layer.bias.grad is not None
        self.weight, self.bias = layer.weight.detach(), layer.bias.detach()
        self.weight_grad, self.bias_grad = layer.weight.grad, layer.bias.grad
        self.kernel, self.padding = layer.kernel_size, layer.padding
        self.padded: Tensor | None = None
        self.windows: Tensor | None = None
        self.out: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        (top, left), (n, channels, height, width) = self.padding, x.shape
        if self.padded is None or len(self.padded) != n:
            self.padded = x.new_zeros(n, channels, height + 2 * top, width + 2 * left)
        self.padded[:, :, top : top + height, left : left + width] = x
        high, wide = (side - k + 1 for side, k in zip(self.padded.shape[2:], self.kernel, strict=True))
        if self.windows is None or self.windows.shape[1] != n:
            self.windows = x.new_empty(self.weight[0].numel(), n, high, wide)
        for place, one in enumerate(self.windows):
            channel, offset = divmod(place, self.kernel[0] * self.kernel[1])
            down, right = divmod(offset, self.kernel[1])
            one.copy_(self.padded[:, channel, down : down + high, right : right + wide])
        self.out = _buffer(self.out, (n * high * wide, len(self.weight)), x)
        rows = self.out[: n * high * wide]
        torch.addmm(self.bias, self.windows.flatten(1).t(), self.weight.flatten(1).t(), out=rows)
        return rows.view(n, high, wide, -1).permute(0, 3, 1, 2)

    def backward(self, gradient: Tensor, needed: bool) -> Tensor:
        assert not needed and self.windows is not None
        rows = gradient.permute(0, 2, 3, 1).reshape(len(gradient), -1, len(self.weight))
        each = torch.bmm(self.windows.flatten(2).transpose(0, 1), rows)
        self.weight_grad.flatten(1).copy_(each.sum(0).t())
        torch.sum(rows.flatten(0, 1), 0, out=self.bias_grad)
        return gradient


class _Pool:
    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.MaxPool2d)
        size = layer.kernel_size
        self.size = [size, size] if isinstance(size, int) else list(size)
        self.out: tuple[Tensor, Tensor] | None = None
        self.back: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        if self.out is None or len(self.out[0]) != len(x):
            self.out = aten.max_pool2d_with_indices.default(x, self.size, self.size)
            self.back = torch.empty_like(x)
        else:
            aten.max_pool2d_with_indices.out(x, self.size, self.size, out=self.out[0], indices=self.out[1])
        return self.out[0]

    def backward(self, gradient: Tensor, needed: bool) -> Tensor:  # noqa: ARG002
        assert self.out is not None
        return aten.max_pool2d_with_indices_backward.grad_input(  # type: ignore[no-any-return]
            gradient, self.x, self.size, self.size, [0, 0], [1, 1], False, self.out[1], grad_input=self.back
        )


class _Flat:
    def __init__(self, layer: nn.Module) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        return x.flatten(1)

    def backward(self, gradient: Tensor, needed: bool) -> Tensor:  # noqa: ARG002
        back = gradient.view(self.x.shape)
        last = back.ndim == 4 and not self.x.is_contiguous()
        return back.contiguous(memory_format=torch.channels_last) if last else back


class _Elementwise:
    """An activation, in place on its input. Its derivative is a function of its output."""

    def __init__(self, apply: Callable[[Tensor], Tensor], slope: Callable[[Tensor, Tensor], object]) -> None:
        self.apply, self.slope = apply, slope

    def forward(self, x: Tensor) -> Tensor:
        self.y = self.apply(x)
        return self.y

    def backward(self, gradient: Tensor, needed: bool) -> Tensor:  # noqa: ARG002
        self.slope(gradient, self.y)
        return gradient


_MAKERS: dict[type[nn.Module], Callable[[nn.Module], _Layer]] = {
    nn.Linear: _Dense,
    nn.Conv2d: _Convolution,
    nn.MaxPool2d: _Pool,
    nn.Flatten: _Flat,
    nn.ReLU: lambda _: _Elementwise(
        torch.relu_, lambda g, y: aten.threshold_backward.grad_input(g, y, 0, grad_input=g)
    ),
    nn.Tanh: lambda _: _Elementwise(torch.tanh_, lambda g, y: aten.tanh_backward.grad_input(g, y, grad_input=g)),
    nn.Sigmoid: lambda _: _Elementwise(
        torch.sigmoid_, lambda g, y: aten.sigmoid_backward.grad_input(g, y, grad_input=g)
    ),
}
