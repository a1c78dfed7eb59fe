"""FISTA on a whole section, compared with PyLops' fastest operator for the same job.

    python -m benchmarks.sparsity

Both solve 1,000 traces x 1,000 samples with a 45-sample Ricker wavelet for 100 iterations, in
the same precision, with the same step and weight, in turns. PyLops is tried with each
operator it has for the job, and the fastest one counts. The results are compared, so that
neither is fast by being wrong. Writes benchmarks/results/sparsity.json.
"""

import argparse
import time
import warnings

import numpy as np
import pylops
import scipy.sparse
from pylops.optimization.sparsity import fista as pylops_fista

import keras_seismic as ks
from benchmarks._report import report

_TRIAL_ITERATIONS = 10  # iterations by which PyLops' operators are compared
_WEIGHT = 0.01


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7, help="the quickest one counts")
    arguments = parser.parse_args()
    size = arguments.samples, arguments.iterations, arguments.repeats
    rows = [compare(dtype, arguments.traces, *size) for dtype in ("float32", "float64")]
    scaling = [
        {"traces": n, "iterations_per_second": iteration_rate(n, *size)}
        for n in (1, 10, 100, arguments.traces)
    ]
    for row in rows:
        print(f"PyLops {row['dtype']}, milliseconds an iteration:")
        for name, milliseconds in row["pylops_ms_per_iteration"].items():
            print(f"  {name}: {milliseconds}")
    for row in scaling:
        print(f"{row['traces']:6d} traces: {row['iterations_per_second']:8.0f} iterations/s")
    print(f"{arguments.traces} traces x {arguments.samples} samples, {arguments.iterations} its")
    columns = {
        "precision": "dtype",
        "ours (s)": "seconds",
        "PyLops (s)": "pylops_seconds",
        "its quickest operator": "pylops_operator",
        "ratio": "ratio",
        "largest difference (of the peak)": "largest_difference",
    }
    report(
        "sparsity",
        {"comparison": rows, "scaling_float32": scaling},
        list(columns),
        [[row[key] for key in columns.values()] for row in rows],
        ["keras", "tensorflow", "pylops", "scipy", "numpy"],
    )


def compare(dtype: str, traces: int, samples: int, iterations: int, repeats: int) -> dict:
    """Seconds of both, in turns, and PyLops' operators one by one."""
    operator, data, step = problem(dtype, traces, samples)
    candidates = pylops_operators(operator, data)
    trial = {name: pylops_trial(make, step) for name, make in candidates.items()}
    quickest = min((t for t in trial.items() if isinstance(t[1], float)), key=lambda t: t[1])[0]
    their_operator, their_data, restore, preallocate = candidates[quickest]()

    def ours():
        return ks.sparse.fista(operator, data, iterations, weight=_WEIGHT, step=step)

    def theirs():
        options = {"niter": iterations, "eps": 2 * _WEIGHT, "alpha": step, "tol": 0}
        return pylops_fista(their_operator, their_data, preallocate=preallocate, **options)[0]

    ours()  # compiles
    seconds: tuple[list, list] = [], []
    for _ in range(repeats):
        for method, times in zip((ours, theirs), seconds, strict=True):
            start = time.perf_counter()
            result = method()
            times.append(time.perf_counter() - start)
    mine, theirs_best = min(seconds[0]), min(seconds[1])
    reference = restore(result)
    difference = np.abs(ours() - reference).max() / np.abs(reference).max()
    return {
        "dtype": dtype,
        "seconds": round(mine, 3),
        "pylops_seconds": round(theirs_best, 3),
        "pylops_operator": quickest,
        "ratio": round(theirs_best / mine, 2),
        "largest_difference": float(f"{difference:.1e}"),
        "pylops_ms_per_iteration": {
            name: round(1e3 * t, 1) if isinstance(t, float) else t for name, t in trial.items()
        },
    }


def problem(dtype: str, traces: int, samples: int):
    """Operator, noisy section ``(traces, samples)`` and step."""
    random = np.random.default_rng(0)
    wavelet = np.trim_zeros(ks.simulation.ricker(24.0, 0.002, samples))
    operator = ks.sparse.WaveletConvolution(wavelet, samples)
    spikes = random.standard_normal((traces, samples)) * (random.random((traces, samples)) < 0.05)
    data = np.asarray(operator.forward(spikes)) + 0.1 * random.standard_normal(spikes.shape)
    return operator, data.astype(dtype), 0.98 / ks.sparse.largest_singular_value(operator) ** 2


def pylops_operators(operator, data):
    """What PyLops has for the job: name to (operator, data, how to restore, preallocation)."""
    traces, samples = data.shape
    wavelet, offset = operator.wavelet.astype(data.dtype), operator.zero_time
    eye = np.eye(samples, dtype=data.dtype)
    matrix = np.asarray(operator.forward(eye)).T

    def convolution(method, axis):
        dims = (traces, samples) if axis == 1 else (samples, traces)
        section = data if axis == 1 else data.T
        made = pylops.signalprocessing.Convolve1D(
            dims, wavelet, offset=offset, axis=axis, method=method, dtype=data.dtype
        )
        return made, section.ravel(), lambda x: x.reshape(dims) if axis == 1 else x.reshape(dims).T

    def product(stored):
        made = pylops.MatrixMult(stored, otherdims=(traces,), dtype=data.dtype)
        return made, data.T.ravel(), lambda x: x.reshape(samples, traces).T

    kinds = {
        "Convolve1D fft, time last": lambda: convolution("fft", 1),
        "Convolve1D fft, time first": lambda: convolution("fft", 0),
        "Convolve1D overlapadd": lambda: convolution("overlapadd", 1),
        "MatrixMult sparse": lambda: product(scipy.sparse.csr_matrix(matrix)),
        "MatrixMult dense": lambda: product(matrix),
    }
    return {
        name + (", preallocated" if preallocate else ""): (lambda m=make, p=preallocate: (*m(), p))
        for name, make in kinds.items()
        for preallocate in (False, True)
    }


def pylops_trial(make, step) -> float | str:
    """Seconds per iteration, or why it does not run."""
    try:
        operator, data, _, preallocate = make()
        times = []
        for _ in range(2):
            start = time.perf_counter()
            pylops_fista(
                operator,
                data,
                niter=_TRIAL_ITERATIONS,
                eps=2 * _WEIGHT,
                alpha=step,
                tol=0,
                preallocate=preallocate,
            )
            times.append(time.perf_counter() - start)
        return min(times) / _TRIAL_ITERATIONS
    except TypeError as error:  # Convolve1D's overlapadd on sections, in PyLops 2.8
        return f"fails: {error}"


def iteration_rate(traces: int, samples: int, iterations: int, repeats: int) -> float:
    """Our iterations per second in float32."""
    operator, data, step = problem("float32", traces, samples)
    solver = ks.sparse.FISTA(operator, _WEIGHT, step)
    solver.solve(data, iterations)  # compiles
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        solver.solve(data, iterations)
        seconds.append(time.perf_counter() - start)
    return round(iterations / min(seconds), 1)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        main()
