"""``keras-seismic train deconvolution``: sparse spikes by FISTA, and LISTA for its wavelet."""

from pathlib import Path
from typing import Annotated, Any, Literal

import keras
import numpy as np
import typer

import keras_seismic as ks
from keras_seismic.cli import options
from keras_seismic.cli.app import train
from keras_seismic.cli.program import conclude, configuration, print_table, program

SMOKE = {"epochs": 1, "batches": 4, "layers": 3, "iterations": 20}


@program(train, smoke=SMOKE)
def deconvolution(
    out: options.Out,
    section: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Section, .segy, .sgy or .npy.")
    ] = None,
    dt: options.SampleInterval = None,
    wavelet: Annotated[
        str | None,
        typer.Option(metavar="FILE.npy|HZ", help="Estimated from the section if not given."),
    ] = None,
    zero_time: Annotated[
        int | None, typer.Option(help="The wavelet's sample at time 0; the middle by default.")
    ] = None,
    wavelet_length: Annotated[int, typer.Option(min=1, help="Samples to estimate.")] = 51,
    weight: Annotated[
        float | None,
        typer.Option(help="Weight of the l1 norm; chosen from the noise if not given."),
    ] = None,
    choose: Annotated[
        Literal["discrepancy", "noise"], typer.Option(help="How to choose the weight.")
    ] = "discrepancy",
    noise: Annotated[
        float | None, typer.Option(help="Its standard deviation; estimated if not given.")
    ] = None,
    iterations: Annotated[int, typer.Option(min=1, help="Of FISTA.")] = 100,
    layers: Annotated[int, typer.Option(min=1, help="Of LISTA.")] = 10,
    snr: Annotated[float, typer.Option(metavar="DB", help="Of LISTA's training data.")] = 20.0,
    batches: Annotated[int, typer.Option(min=1, help="Batches per epoch.")] = 40,
    epochs: options.Epochs = 15,
    batch_size: options.BatchSize = 16,
    learning_rate: options.LearningRate = 3e-2,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
) -> dict[str, Any]:
    """Sparse-spike deconvolution of a section by FISTA, and by LISTA trained for its wavelet.

        keras-seismic train deconvolution --section line.segy --out runs/deconvolution

    The wavelet is estimated from the section (zero-phase), or is a .npy file or the peak
    frequency of a Ricker wavelet. The weight of the l1 norm follows from the noise by the
    discrepancy principle, or is given. Without --section, a simulated one is deconvolved. The run
    folder holds reflectivity, fit and residual in the section's own format (SEG-Y with all its
    headers), wavelet.npy, metrics.json, model.keras (LISTA, raw amplitudes in and out) and
    figures.
    """
    arguments = dict(locals())
    run = ks.training.RunFolder(out, overwrite, resume)
    keras.utils.set_random_seed(seed)

    # Section, wavelet, noise, weight
    source = ks.sparse.simulated_section(seed) if section is None else ks.io.read_section(section)
    suffix = source.path.suffix if source.path else ".npy"
    ks.io.check_target(run.path / f"fit{suffix}", source)
    dt = dt or source.dt
    amplitude, samples = source.amplitude, len(source.amplitude)
    chosen = ks.sparse.choose_wavelet(wavelet, amplitude, dt, wavelet_length)
    operator = ks.sparse.WaveletConvolution(chosen, samples, zero_time)
    if noise is None and weight is None:
        noise = ks.sparse.estimate_noise(amplitude)
    if weight is None and noise is not None and choose == "noise":
        weight = ks.sparse.noise_weight(operator, samples, noise)

    # Deconvolution
    result = ks.sparse.deconvolve(amplitude, operator, weight, noise, iterations)
    run.create(configuration("train deconvolution", arguments))
    for name in ("reflectivity", "fit", "residual"):
        ks.io.write_section(run.path / f"{name}{suffix}", getattr(result, name), source)
    ks.io.write_array(run.path / "wavelet.npy", chosen)
    run.save_figure(ks.sparse.plot_deconvolution(result, dt), "deconvolution")
    run.save_figure(ks.sparse.plot_traces(result, dt), "trace")
    some = ks.sparse.traces_of(amplitude)[:: max(amplitude.shape[1] // 16, 1)]
    gaps = ks.sparse.cost_above_minimum(
        operator, some.astype(np.float64), result.weight, 3 * iterations
    )
    run.save_figure(ks.sparse.plot_convergence(gaps), "convergence")

    # The learned form, on simulated reflectivity and this wavelet
    length = min(samples, max(128, 2 * len(chosen)))
    shorter = ks.sparse.WaveletConvolution(chosen, length, zero_time)
    few = max(batches // 10, 1)
    training, validation, held_out = (
        ks.sparse.ReflectivityPairs(shorter, count * batch_size, snr_db=snr, seed=seed + offset)
        for count, offset in ((batches, 0), (few, 10_000), (few, 20_000))
    )
    traces, spikes = validation[:]
    best = ks.sparse.best_weight(shorter, traces, spikes, iterations)
    lista = ks.models.LISTA(chosen, layers, zero_time, best)
    optimizer = ks.training.adamw(learning_rate, epochs * batches)
    optimizer.clipnorm = 0.01  # one long gradient can make the iterations diverge
    lista.compile(optimizer, "mean_squared_error", jit_compile=ks.training.jit_compile())
    lista = ks.training.fit(
        lista,
        training.dataset(batch_size, start=(run.epochs_done, 0)),
        validation.dataset(batch_size, shuffle=False),
        run,
        epochs,
    )
    normalization = ks.layers.SectionNormalization("maximum")
    run.save_model(ks.models.with_physical_units(lista, normalization))
    run.save_figure(ks.visualization.plot_history(run.read_history()), "loss")

    # Scores
    traces, spikes = held_out[:]
    table: list[dict[str, Any]] = ks.sparse.compare_methods(
        shorter, traces, spikes, best, iterations, lista
    )
    metrics = {**result.metrics, "noise": noise, "methods": table}
    conclude(run, metrics)
    print_table({k: v for k, v in metrics.items() if v is not None and v is not table})
    typer.echo("held-out simulated traces:")
    for row in table:
        typer.echo(
            "  {method:16}{iterations:5} iterations  error {relative_error:.3f}  "
            "{seconds:.3f} s".format(**row)
        )
    return metrics
