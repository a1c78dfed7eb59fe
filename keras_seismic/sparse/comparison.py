"""Gradient descent, ISTA, FISTA and LISTA side by side: convergence, error, time."""

import functools
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seismic.sparse.operators import Operator
from keras_seismic.sparse.solver import ProximalGradient
from keras_seismic.sparse.sparsity import FISTA, ISTA, GradientDescent


def cost_above_minimum(
    operator: Operator, data: np.ndarray, weight: float, iterations: int = 300
) -> dict[str, np.ndarray]:
    """How far the cost of each method lies above its minimum, by iteration.

    The minimum is what FISTA with restart reaches in thirty times as many iterations. Gradient
    descent minimizes the misfit alone and is measured against the minimum of that.

    Args:
        operator: ``A``.
        data: ``(..., *data_shape)``; float64 shows small gaps that float32 cannot.
        weight: Weight of ``|x|_1``.
        iterations: Iterations of each method.

    Returns:
        ``"gradient descent"``, ``"ISTA"`` and ``"FISTA"``, each ``(iterations + 1,)``, relative to
        the first cost.
    """
    solvers = {
        "gradient descent": (GradientDescent(operator), 0.0),
        "ISTA": (ISTA(operator, weight), weight),
        "FISTA": (FISTA(operator, weight), weight),
    }
    gaps = {}
    for name, (solver, own_weight) in solvers.items():
        best = FISTA(operator, own_weight, restart=True).solve(data, 30 * iterations)
        cost = solver.solve(data, iterations).cost
        gaps[name] = np.maximum(cost - best.cost.min(), 0) / cost[0]
    return gaps


def compare_methods(
    operator: Operator,
    sections: np.ndarray,
    reflectivity: np.ndarray,
    weight: float,
    iterations: int = 100,
    lista: keras.Model | None = None,
) -> list[dict[str, Any]]:
    """Error, iterations and time of each method on sections of known reflectivity.

    Args:
        operator: ``A``.
        sections: ``(batch, time, traces, 1)``.
        reflectivity: Their true reflectivity, of the same shape.
        weight: Weight of ``|x|_1`` for ISTA and FISTA.
        iterations: Iterations of gradient descent, ISTA and FISTA.
        lista: A trained ``LISTA``; its layers count as iterations.

    Returns:
        A row per method: ``method``, ``iterations``, ``relative_error``
        (``|x - truth| / |truth|``) and ``seconds``, compilation excluded.
    """
    data = np.moveaxis(sections[..., 0], 1, 2)
    solvers: list[ProximalGradient] = [
        GradientDescent(operator),
        ISTA(operator, weight),
        FISTA(operator, weight),
    ]

    def classic(solver: ProximalGradient) -> np.ndarray:
        return np.moveaxis(solver.solve(data, iterations).model, 1, 2)[..., None]

    rows: list[dict[str, Any]] = [
        {
            "method": type(solver).__name__,
            "iterations": iterations,
            **_scored(functools.partial(classic, solver), reflectivity),
        }
        for solver in solvers
    ]
    if lista is not None:
        learned = functools.partial(lista.predict, sections, batch_size=len(sections), verbose=0)
        rows.append(
            {
                "method": "LISTA",
                "iterations": lista.num_layers,
                **_scored(learned, reflectivity),
            }
        )
    return rows


def best_weight(
    operator: Operator, sections: np.ndarray, reflectivity: np.ndarray, iterations: int = 100
) -> float:
    """The weight, out of 13, with which FISTA comes closest to a known reflectivity.

    Real sections do not allow this tuning, which makes FISTA as strong a rival as possible.

    Args:
        operator: ``A``.
        sections: ``(batch, time, traces, 1)``.
        reflectivity: Their true reflectivity, of the same shape.
        iterations: Iterations of FISTA.
    """
    data, truth = (np.moveaxis(x[..., 0], 1, 2) for x in (sections, reflectivity))
    largest = float(np.abs(ops.convert_to_numpy(operator.adjoint(data))).max())
    weights = largest * np.logspace(-5, -1, 13)
    errors = [
        np.linalg.norm(FISTA(operator, w).solve(data, iterations).model - truth) for w in weights
    ]
    return float(weights[np.argmin(errors)])


def _scored(call: Callable[[], np.ndarray], truth: np.ndarray) -> dict[str, float]:
    call()  # compiles
    start = time.perf_counter()
    found = call()
    seconds = time.perf_counter() - start
    error = float(np.linalg.norm(found - truth) / np.linalg.norm(truth))
    return {"relative_error": error, "seconds": seconds}
