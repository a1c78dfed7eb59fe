"""PyTorch peers shared by several benchmarks."""

import pathlib
from collections.abc import Callable

import keras
import numpy as np
import torch
from torch import nn

from keras_seismic.models import PhysicalUnitsModel
from tests.fixtures import fcnvmb_twin
from tests.fixtures.inversion_net_twin import DECODER, ENCODER, block

_FILTERS = 2  # of the first block in the twin of the tests


def inversion_net(filters: int = 32) -> nn.Sequential:
    """InversionNet for gathers ``(batch, 5, 1000, 70)``, 32 filters at its published width."""
    width, odd = divmod(filters, _FILTERS)
    if odd or not width:
        raise ValueError(f"inversion_net: filters must be even and positive, received {filters}")
    channels = [(a if a == 5 else a * width, b * width, *row) for a, b, *row in ENCODER]
    layers = [block(nn.Conv2d(*row), nn.LeakyReLU(0.2)) for row in channels]
    for source, target, *row in DECODER:
        growing = nn.ConvTranspose2d(source * width, target * width, *row)
        layers.append(block(growing, nn.LeakyReLU(0.2)))
        following = nn.Conv2d(target * width, target * width, 3, 1, 1)
        layers.append(block(following, nn.LeakyReLU(0.2)))
    layers += [nn.ZeroPad2d(-5), block(nn.Conv2d(_FILTERS * width, 1, 3, 1, 1), nn.Tanh())]
    return nn.Sequential(*layers)


def fcnvmb() -> nn.Module:
    """FCNVMB at its published width, for gathers ``(batch, 5, 200, 70)``."""
    widths = (64, 128, 256, 512, 1024)
    return fcnvmb_twin.Network(5, (70, 70), use_deconv=True, batch_norm=True, widths=widths)


def conv_denoiser(filters: int = 32) -> nn.Sequential:
    """ConvDenoiser for sections ``(batch, 1, time, traces)``."""
    layers: list[nn.Module] = []
    for source, kind in (
        (1, nn.Conv2d),
        (filters, nn.Conv2d),
        (filters, nn.ConvTranspose2d),
        (filters, nn.ConvTranspose2d),
    ):
        layers += [kind(source, filters, 3, 1, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(filters, 1, 1), nn.Tanh())


def lay_in_keras_weights(network: nn.Module, model: keras.Model) -> nn.Module:
    """The network with the weights of its Keras twin, copied layer by layer."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
    targets = [module for module in network.modules() if isinstance(module, kinds)]
    sources = [layer for layer in model.layers if layer.weights]
    for target, layer in zip(targets, sources, strict=True):
        first, *rest = layer.get_weights()
        if isinstance(target, nn.BatchNorm2d):
            values = [first, *rest]
            arrays = [target.weight, target.bias, target.running_mean, target.running_var]
        else:  # (height, width, in, out) to (out, in, height, width); transposed alike
            values = [np.transpose(first, (3, 2, 0, 1)), *rest]
            arrays = [target.weight, target.bias]
        for array, value in zip(arrays, values, strict=True):
            array.data.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    return network


def torch_programs(
    model: PhysicalUnitsModel, path: pathlib.Path, threads: int
) -> dict[str, Callable[[np.ndarray], Callable[[], np.ndarray]]]:
    """An InversionNet in physical units as PyTorch programs, also saved at the path.

    Each turns raw gathers ``(batch, time, receivers, shots)`` into a function without arguments
    that returns velocities, with the gathers in the layout that it prefers.
    """
    torch.set_num_threads(threads)
    plain, last = torch.contiguous_format, torch.channels_last

    def made(layout: torch.memory_format) -> nn.Module:
        return InPhysicalUnits(model).eval().to(memory_format=layout)

    def compiled(layout: torch.memory_format, **options: bool) -> nn.Module:
        return torch.compile(made(layout), dynamic=False, options=options)

    # Three of them for four batch sizes: after eight compilations PyTorch would stop compiling.
    torch._dynamo.config.recompile_limit = 64
    torch.save(made(plain).state_dict(), path)
    return {
        "PyTorch eager": _program(made(plain), plain),
        "PyTorch channels-last": _program(made(last), last),
        "PyTorch compiled": _program(compiled(plain), plain),
        "PyTorch compiled, channels-last": _program(compiled(last), last),
        "PyTorch compiled, channels-last, frozen": _program(compiled(last, freezing=True), last),
    }


class InPhysicalUnits(nn.Module):
    """The twin of an InversionNet in physical units, with its weights."""

    def __init__(self, model: PhysicalUnitsModel) -> None:
        super().__init__()
        self.network = lay_in_keras_weights(inversion_net(model.network.filters), model.network)
        self.scale, self.minimum = model.output_scaling.scale, model.output_scaling.minimum
        # As a line of the logarithm, read off where that is 0 and 1.
        ends = model.input_normalization(np.array([0.0, np.expm1(1.0)], "float32"))
        self.at_zero, self.at_one = (float(value) for value in ends)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.sign(x) * torch.log1p(torch.abs(x))
        x = self.network((self.at_one - self.at_zero) * x + self.at_zero)
        return (x + 1) * self.scale + self.minimum


def _program(network: nn.Module, layout: torch.memory_format):
    def prepared(x: np.ndarray) -> Callable[[], np.ndarray]:
        given = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
        given = given.contiguous(memory_format=layout)

        def run() -> np.ndarray:
            with torch.inference_mode():
                return np.moveaxis(network(given).numpy(), 1, -1)

        return run

    return prepared
