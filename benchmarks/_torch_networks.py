"""Peers in PyTorch that several benchmarks measure against."""

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
