"""
ISTA and FISTA
==============

Momentum makes the same step far more effective: the cost falls like 1/k² instead of 1/k.
"""

# %%
# The cost is ``1/2 |A x - y|^2 + weight |x|_1``, with ``A`` the convolution with a wavelet. In
# float64, so that small gaps are not lost in rounding.
import numpy as np

import keras_seismic as ks

wavelet = np.trim_zeros(ks.simulation.ricker(25.0, 0.004, 128))
operator = ks.sparse.WaveletConvolution(wavelet, 128)
reflectivity = ks.sparse.sample_reflectivity(4, 128, seed=0)
traces = ks.noise.add_white_noise(np.asarray(operator.forward(reflectivity)), snr_db=20.0)

# %%
# Both guarantees are upper bounds. FISTA's cost is not monotone: the ripples are its momentum
# overshooting. Gradient descent minimizes the misfit alone.
gaps = ks.sparse.cost_above_minimum(operator, traces.astype("float64"), weight=0.1, iterations=200)
figure = ks.sparse.plot_convergence(gaps)
