"""Inversion: operators, and the sparse models that explain data through them."""

from keras_seismic.inversion.convolution import WaveletConvolution
from keras_seismic.inversion.operator_properties import dot_product_test, largest_singular_value
from keras_seismic.inversion.operators import (
    Composition,
    FunctionOperator,
    MatrixOperator,
    Operator,
    Restriction,
    Scaling,
)
from keras_seismic.inversion.solver import DivergenceError, Solution
from keras_seismic.inversion.sparsity import (
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
    "DivergenceError",
    "FunctionOperator",
    "GradientDescent",
    "MatrixOperator",
    "Operator",
    "Restriction",
    "Scaling",
    "Solution",
    "WaveletConvolution",
    "dot_product_test",
    "fista",
    "gradient_descent",
    "ista",
    "largest_singular_value",
]
