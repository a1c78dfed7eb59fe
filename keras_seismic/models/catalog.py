"""The table of the networks, counted and not remembered.

    python -m keras_seismic.models.catalog

prints it as README.md shows it.
"""

import dataclasses
import math
from collections.abc import Callable

import keras
import numpy as np

from keras_seismic.models.conv_denoiser import ConvDenoiser
from keras_seismic.models.fcnvmb import FCNVMB
from keras_seismic.models.inversion_net import InversionNet
from keras_seismic.models.lista import LISTA
from keras_seismic.models.velocity_critic import VelocityCritic
from keras_seismic.models.velocity_gan import VelocityGAN

_DENOISING = "noisy section to clean section"
_INVERSION = "shot gathers to velocity"
_CRITIC = "velocity to score"


@dataclasses.dataclass(frozen=True)
class CatalogEntry:
    """A network as the table shows it.

    Attributes:
        code: How it is made.
        task: What it does.
        source: Whose it is.
        deviations: Where it deviates from the source.
        make: Makes it.
    """

    code: str
    task: str
    source: str
    deviations: str
    make: Callable[[], keras.Model]

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(math.prod(weight.shape) for weight in self.make().trainable_weights)


CATALOG = (
    CatalogEntry(
        "InversionNet()",
        _INVERSION,
        "OpenFWI's code; Wu and Lin 2020",
        "none from the code",
        InversionNet,
    ),
    CatalogEntry(
        'InversionNet(decoder="resize")',
        _INVERSION,
        "OpenFWI's code",
        "none",
        lambda: InversionNet(decoder="resize"),
    ),
    CatalogEntry(
        'InversionNet((1000, 70, 6), variant="paper")',
        _INVERSION,
        "Wu and Lin 2020",
        "reconstructed: decoder and widths are the code's",
        lambda: InversionNet((1000, 70, 6), variant="paper"),
    ),
    CatalogEntry(
        "FCNVMB()",
        _INVERSION,
        "Yang and Ma 2019",
        "none with `use_deconv`; the bilinear variant, which fails there, halves channels first",
        FCNVMB,
    ),
    CatalogEntry(
        "FCNVMB((400, 301, 5))",
        _INVERSION,
        "Yang and Ma 2019, 5 shots",
        "none",
        lambda: FCNVMB((400, 301, 5)),
    ),
    CatalogEntry(
        "VelocityGAN(InversionNet(), VelocityCritic())",
        _INVERSION + ", trained against a critic",
        "OpenFWI's code; Zhang et al. 2019",
        "none; `train.velocitygan` has a layer-normalized critic",
        lambda: VelocityGAN(InversionNet(), VelocityCritic()),
    ),
    CatalogEntry("VelocityCritic()", _CRITIC, "OpenFWI's code", "none", VelocityCritic),
    CatalogEntry(
        'VelocityCritic(variant="paper")',
        _CRITIC,
        "Zhang et al. 2019",
        "widths are the code's",
        lambda: VelocityCritic(variant="paper"),
    ),
    CatalogEntry(
        'VelocityCritic(variant="paper", patch_size=4)',
        _CRITIC + "s of 4 x 4 patches",
        "Zhang et al. 2019",
        "widths are the code's",
        lambda: VelocityCritic(variant="paper", patch_size=4),
    ),
    CatalogEntry(
        "ConvDenoiser()",
        _DENOISING,
        "convolution and transposed convolution",
        "none",
        ConvDenoiser,
    ),
    CatalogEntry(
        'ConvDenoiser(decoder="resize")',
        _DENOISING + "; a baseline that does worse",
        "pooling and resizing",
        "sizes are relative, so that any section fits",
        lambda: ConvDenoiser(decoder="resize"),
    ),
    CatalogEntry(
        "LISTA(wavelet)",
        "section to reflectivity",
        "Gregor and LeCun 2010",
        "convolutions, FISTA's momentum; counted for 51 samples, 10 layers",
        lambda: LISTA(np.hanning(51)),
    ),
)


def model_table() -> str:
    """The catalog as a Markdown table, parameters counted."""
    lines = [
        "| model | trainable parameters | task | source | deviations |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{entry.code}` | {entry.parameters:,} | {entry.task} | {entry.source} | "
        f"{entry.deviations} |"
        for entry in CATALOG
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(model_table())
