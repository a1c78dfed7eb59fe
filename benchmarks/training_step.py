"""Seconds of an InversionNet training step: Keras with and without XLA, and PyTorch.

    python -m benchmarks.training_step

The published network, float32, on this machine's processor, all in one run; the best of
several repeats. PyTorch trains the same network in its channels-last memory format.
"""

import time

import keras
import numpy as np

import keras_seismic as ks
from benchmarks._report import report
from tests.fixtures.inversion_net_twin import InversionNetTwin

BATCH, STEPS, REPEATS = 8, 2, 3
