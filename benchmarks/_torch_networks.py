"""Peers in PyTorch that several benchmarks measure against."""

import keras
import numpy as np
import torch
from torch import nn

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


def lay_in_keras_weights(network: nn.Module, model: keras.Model) -> nn.Module:
    """The network with the weights of its Keras twin, layer by layer in order."""
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
