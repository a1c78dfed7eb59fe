"""Sparse inversion: linear operators, and sparse models that explain data through them."""

from keras_seismic.sparse.comparison import best_weight, compare_methods, cost_above_minimum
from keras_seismic.sparse.convolution import WaveletConvolution
from keras_seismic.sparse.deconvolution import (
    Deconvolution,
    choose_wavelet,
    deconvolve,
    discrepancy_weight,
    estimate_noise,
    estimate_wavelet,
    noise_weight,
    traces_of,
)
from keras_seismic.sparse.figures import plot_convergence, plot_deconvolution, plot_traces
from keras_seismic.sparse.operator_properties import dot_product_test, largest_singular_value
from keras_seismic.sparse.operators import (
    Composition,
    FunctionOperator,
    MatrixOperator,
    Operator,
    Restriction,
    Scaling,
)
from keras_seismic.sparse.reflectivity import (
    ReflectivityPairs,
    sample_reflectivity,
    simulated_section,
)
from keras_seismic.sparse.solver import DivergenceError, Solution
from keras_seismic.sparse.sparsity import (
    FISTA,
    ISTA,
    GradientDescent,
    fista,
    gradient_descent,
    ista,
)

__all__ = [
    "FISTA",
    "ISTA",
    "Composition",
    "Deconvolution",
    "DivergenceError",
    "FunctionOperator",
    "GradientDescent",
    "MatrixOperator",
    "Operator",
    "ReflectivityPairs",
    "Restriction",
    "Scaling",
    "Solution",
    "WaveletConvolution",
    "best_weight",
    "choose_wavelet",
    "compare_methods",
    "cost_above_minimum",
    "deconvolve",
    "discrepancy_weight",
    "dot_product_test",
    "estimate_noise",
    "estimate_wavelet",
    "fista",
    "gradient_descent",
    "ista",
    "largest_singular_value",
    "noise_weight",
    "plot_convergence",
    "plot_deconvolution",
    "plot_traces",
    "sample_reflectivity",
    "simulated_section",
    "traces_of",
]
