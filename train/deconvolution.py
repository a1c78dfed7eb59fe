"""Sparse-spike deconvolution of a seismic section by FISTA, and by LISTA trained for its wavelet.

    python -m train.deconvolution --section line.segy --out runs/deconvolution

The wavelet is estimated from the section (zero-phase), or given as a .npy file or as the peak
frequency of a Ricker; the weight of the l1 norm follows from the noise by the discrepancy
principle, or is given. Without --section a simulated one is deconvolved. The run folder holds
reflectivity, fit and residual in the section's own format (SEG-Y with all its headers),
wavelet.npy, metrics.json, model.keras (LISTA, raw amplitudes in and out) and figures/.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_seismic as ks
from keras_seismic.cli import command_line


def parser():
    """The program's arguments."""
    positive = command_line.positive
    smoke = {"batches": 4, "layers": 3, "iterations": 20}
    p = command_line.training_parser(
        __doc__, epochs=15, batch_size=16, learning_rate=3e-2, smoke=smoke, resumable=False
    )
    p.add_argument("--section", type=Path, metavar="FILE", help="section, .segy, .sgy or .npy")
    p.add_argument("--dt", type=float, help="sample interval in s where the file does not tell")
    p.add_argument("--wavelet", metavar="FILE.npy|HZ", help="default: estimated from the section")
    p.add_argument("--zero-time", type=int, help="the wavelet's sample at time 0, default middle")
    p.add_argument(
        "--wavelet-length", type=positive, default=51, help="default %(default)s samples"
    )
    p.add_argument("--weight", type=float, help="of the l1 norm; default by --choose")
    p.add_argument(
        "--choose", choices=("discrepancy", "noise"), default="discrepancy", help="how, %(default)s"
    )
    p.add_argument("--noise", type=float, help="noise's standard deviation, default estimated")
    p.add_argument("--iterations", type=positive, default=100, help="default %(default)s")
    p.add_argument("--layers", type=positive, default=10, help="of LISTA, default %(default)s")
    p.add_argument("--batches", type=positive, default=40, help="an epoch, default %(default)s")
    p.add_argument("--snr", type=float, default=20.0, metavar="DB", help="of LISTA's training data")
    return p


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Deconvolve, compare the methods; returns what metrics.json holds."""
    arguments = parser().parse_args(argv)
    run = command_line.open_run(arguments)
    keras.utils.set_random_seed(arguments.seed)

    # Section, wavelet, noise, weight
    section = (
        ks.io.read_section(arguments.section)
        if arguments.section
        else ks.sparse.simulated_section(arguments.seed)
    )
    suffix = section.path.suffix if section.path else ".npy"
    ks.io.check_target(run.path / f"fit{suffix}", section)
    dt = arguments.dt or section.dt
    wavelet = ks.sparse.choose_wavelet(
        arguments.wavelet, section.amplitude, dt, arguments.wavelet_length
    )
    samples = len(section.amplitude)
    operator = ks.sparse.WaveletConvolution(wavelet, samples, arguments.zero_time)
    weight, noise = arguments.weight, arguments.noise
    if noise is None and weight is None:
        noise = ks.sparse.estimate_noise(section.amplitude)
    if weight is None and arguments.choose == "noise":
        weight = ks.sparse.noise_weight(operator, samples, noise)

    # Deconvolution
    result = ks.sparse.deconvolve(section.amplitude, operator, weight, noise, arguments.iterations)
    run.create(command_line.configuration(arguments))
    for name in ("reflectivity", "fit", "residual"):
        ks.io.write_section(run.path / f"{name}{suffix}", getattr(result, name), section)
    ks.io.arrays.write_array(run.path / "wavelet.npy", wavelet)
    run.save_figure(ks.sparse.plot_deconvolution(result, dt), "deconvolution")
    run.save_figure(ks.sparse.plot_traces(result, dt), "trace")
    some = ks.sparse.traces_of(section.amplitude)[:: max(section.amplitude.shape[1] // 16, 1)]
    gaps = ks.sparse.cost_above_minimum(
        operator, some.astype(np.float64), result.weight, 3 * arguments.iterations
    )
    run.save_figure(ks.sparse.plot_convergence(gaps), "convergence")

    # The learned form, on simulated reflectivity and this wavelet
    length = min(samples, max(128, 2 * len(wavelet)))
    shorter = ks.sparse.WaveletConvolution(wavelet, length, arguments.zero_time)
    training, validation, held_out = (
        ks.sparse.ReflectivityPairs(
            shorter, batches * arguments.batch_size, snr_db=arguments.snr, seed=seed
        )
        for batches, seed in (
            (arguments.batches, arguments.seed),
            (max(arguments.batches // 10, 1), arguments.seed + 10_000),
            (max(arguments.batches // 10, 1), arguments.seed + 20_000),
        )
    )
    best = ks.sparse.best_weight(shorter, *validation[:], arguments.iterations)
    lista = ks.models.LISTA(wavelet, arguments.layers, arguments.zero_time, best)
    size = arguments.batch_size
    batches = training.dataset(size, start=(run.epochs_done, 0))
    steps = arguments.epochs * len(batches)
    optimizer = ks.training.adamw(arguments.learning_rate, steps)
    optimizer.clipnorm = 0.01  # one long gradient can make the iterations diverge
    lista.compile(optimizer, "mean_squared_error", jit_compile=ks.training.jit_compile())
    lista = ks.training.fit(
        lista, batches, validation.dataset(size, shuffle=False), run, arguments.epochs
    )
    normalization = ks.layers.SectionNormalization("maximum")
    run.save_model(ks.models.with_physical_units(lista, normalization))
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")

    # Scores
    table: list[dict[str, Any]] = ks.sparse.compare_methods(
        shorter, *held_out[:], best, arguments.iterations, lista
    )
    metrics = {**result.metrics, "noise": noise, "methods": table}
    run.write("metrics.json", metrics)
    command_line.print_table({k: v for k, v in metrics.items() if v is not None and v is not table})
    print("held-out simulated traces:")
    for row in table:
        print("  {method:16}{iterations:5} iterations".format(**row), end="")
        print("  error {relative_error:.3f}  {seconds:.3f} s".format(**row))
    return metrics


if __name__ == "__main__":
    command_line.run_program(main)
