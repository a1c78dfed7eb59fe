"""Three networks on one mixture of families, for benchmarks.waveform_inversion.

Every second pair is as recorded in the field: with noise, and without the lowest frequencies. So
each network knows both conditions in which it is compared.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from scipy.signal import butter, sosfilt

import keras_seismic as ks

FAMILIES = ("flatvel_a", "curvefault_a", "salt", "textured")
SNR_DB, LOW_CUT = 10.0, 5.0
VALIDATION = 0.05


def low_cut(traces: np.ndarray, dt: float, axis: int = 0) -> np.ndarray:
    """A recorder's low cut, causal: gathers of a filtered wavelet are filtered gathers.

    ``ks.layers.LowCut`` is as steep (1/256 an octave below) but zero-phase: what it puts before
    each arrival, no source that begins at time zero can explain.
    """
    return sosfilt(butter(8, LOW_CUT, "highpass", fs=1 / dt, output="sos"), traces, axis=axis)


def as_in_the_field(gathers: np.ndarray, dt: float, seed: int, axis: int = 0) -> np.ndarray:
    """Gathers of one example with white noise, then without low frequencies, float32."""
    noisy = ks.noise.add_white_noise(gathers.reshape(len(gathers), -1), SNR_DB, seed)
    return low_cut(noisy.reshape(gathers.shape), dt, axis).astype(np.float32)


class Mixture(ks.datasets.Pairs):
    """The pairs of several families in turn, every second turn as in the field."""

    family = None

    def __init__(self, parts: Sequence[ks.datasets.SimulatedPairs]) -> None:
        self.parts, self.acquisition = tuple(parts), parts[0].acquisition

    @property
    def gather_shape(self) -> tuple[int, int, int]:
        return self.parts[0].gather_shape

    @property
    def velocity_shape(self) -> tuple[int, int]:
        return self.parts[0].velocity_shape

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def prepare(self, progress: bool = True) -> "Mixture":
        """See ``Pairs.prepare``."""
        for part in self.parts:
            part.prepare(progress)
        return self

    def read(
        self, numbers: np.ndarray, shots: Sequence[int], gathers: np.ndarray | None
    ) -> np.ndarray:
        """See ``Pairs.read``."""
        velocity = np.empty((len(numbers), *self.velocity_shape), np.float32)
        for row, number in enumerate(np.asarray(numbers)):
            turn, part = divmod(int(number), len(self.parts))
            one = slice(row, row + 1)
            target = None if gathers is None else gathers[one]
            velocity[one] = self.parts[part].read(np.array([turn]), shots, target)
            if target is not None and turn % 2:
                target[0] = as_in_the_field(target[0], self.acquisition.dt, int(number), axis=1)
        return velocity


def mixture(pairs: int, cache_dir: Path) -> Mixture:
    """So many pairs of each family, in OpenFWI's experiment."""
    acquisition = ks.simulation.Acquisition.openfwi()
    parts = [
        ks.datasets.SimulatedPairs(name, pairs, acquisition, 0, cache_dir) for name in FAMILIES
    ]
    return Mixture(parts).prepare()


def inversion_net(pairs: Mixture, run: ks.training.RunFolder, options: Any) -> keras.Model:
    """InversionNet by the package's own recipe."""
    network = ks.models.InversionNet(pairs.gather_shape, pairs.velocity_shape, options.filters)
    model = ks.models.with_physical_units(network, *_units(pairs), pairs.acquisition)
    return ks.training.fit_pairs(
        model,
        pairs,
        _order(pairs),
        run,
        epochs=options.epochs,
        batch_size=8,
        learning_rate=1e-3,
        validation=VALIDATION,
    )


def fcnvmb(pairs: Mixture, run: ks.training.RunFolder, options: Any) -> keras.Model:
    """FCNVMB: every fifth sample, squared error, Adam; its published batch and rate."""
    thinning = ks.layers.TimeDecimation(5)
    preparation, scaling = _units(pairs)
    preparation = ks.layers.GatherPreparation([thinning, preparation])
    shape = thinning.compute_output_shape((None, *pairs.gather_shape))[1:]
    network = ks.models.FCNVMB(shape, pairs.velocity_shape, options.filters)
    batches = ks.training.training_batches(
        pairs, _order(pairs), preparation, scaling, 10, validation=VALIDATION
    )
    network.compile(
        keras.optimizers.Adam(1e-3), "mean_squared_error", jit_compile=ks.training.jit_compile()
    )
    network = ks.training.fit(network, *batches, run, options.epochs)
    return ks.models.with_physical_units(network, preparation, scaling, pairs.acquisition)


def velocity_gan(pairs: Mixture, run: ks.training.RunFolder, options: Any) -> keras.Model:
    """VelocityGAN: InversionNet against a critic, as ``keras-seismic train velocitygan`` does."""
    preparation, scaling = _units(pairs)
    generator = ks.models.InversionNet(pairs.gather_shape, pairs.velocity_shape, options.filters)
    critic = ks.models.VelocityCritic(pairs.velocity_shape, options.filters)
    gan = ks.models.VelocityGAN(generator, critic, 0)
    gan.compile(
        ks.models.wgan_adamw(1e-3),
        ks.models.wgan_adamw(1e-3),
        l2=0.0,
        generator_every=2,
        metrics=[ks.metrics.MeanAbsoluteVelocityError(scaling.scale)],
        jit_compile=ks.training.jit_compile(),
    )
    batches = ks.training.training_batches(
        pairs, _order(pairs), preparation, scaling, 8, validation=VALIDATION, drop_remainder=True
    )
    gan = ks.training.fit(gan, *batches, run, options.epochs)
    return ks.models.with_physical_units(gan, preparation, scaling, pairs.acquisition)


NETWORKS: dict[str, Callable[..., keras.Model]] = {
    "InversionNet": inversion_net,
    "FCNVMB": fcnvmb,
    "VelocityGAN": velocity_gan,
}


def trained(name: str, pairs: Mixture, options: Any) -> tuple[keras.Model, float]:
    """A network, trained unless the work folder has it with these settings, and its seconds."""
    settings = {"pairs": len(pairs), "epochs": options.epochs, "filters": options.filters}
    run = ks.training.RunFolder(options.work / name.lower(), overwrite=True)
    found = run.path / "config.json"
    done = run.path / "metrics.json"
    if not (done.exists() and run.read(found.name) == settings):
        print(f"{name}: {settings}", flush=True)
        run.create(settings)
        keras.utils.set_random_seed(0)
        start = time.perf_counter()
        run.save_model(NETWORKS[name](pairs, run, options))
        run.write(done.name, {"seconds": round(time.perf_counter() - start, 1)})
    return ks.inference.load_model(run.path / "model.keras"), run.read(done.name)["seconds"]


def _units(pairs: Mixture) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """The widest of the published ranges, as for the family that follows none, and m/s."""
    salt = pairs.parts[FAMILIES.index("salt")]
    return salt.input_normalization, ks.layers.VelocityScaling(1500.0, 4500.0)


def _order(pairs: Mixture) -> np.ndarray:
    return np.random.default_rng(0).permutation(len(pairs))
