"""Programs that end in the middle of an epoch, while batches are made."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

SLOW = """
    import sys, time
    import numpy as np
    import keras_seismic as ks

    def slowly(function):
        def slow(*arguments):
            time.sleep(0.3)
            return function(*arguments)
        return slow

    kind, folder = sys.argv[1:]
    layers = ks.layers.GatherNormalization(-27, 53), ks.layers.VelocityScaling()
    if kind == "SimulatedPairs":
        acquisition = ks.simulation.Acquisition.surface(
            width=70, dx=10.0, dt=0.001, nt=60, peak_frequency=15.0, boundary="cpml"
        )
        pairs = ks.datasets.SimulatedPairs("flatvel_a", 3, acquisition, cache_dir=folder)
        pairs.prepare(progress=False)
    elif kind == "FCNVMBPairs":
        pairs = ks.datasets.FCNVMBPairs(folder, gather_shape=(10, 6, 2), velocity_shape=(4, 6))
    if kind == "NoisyPatches":
        section = np.sin(np.arange(4096, dtype="float32")).reshape(64, 64)
        ks.datasets.patches.add_noise = slowly(ks.noise.add_noise)
        dataset = ks.datasets.NoisyPatches([section], count=9).dataset(batch_size=9)
    else:
        type(pairs).__getitem__ = slowly(type(pairs).__getitem__)
        dataset = pairs.dataset(*layers, batch_size=1)
    iterator = iter(dataset.repeat())
    next(iterator)
    raise SystemExit("enough")
"""


@pytest.mark.parametrize("kind", ["SimulatedPairs", "FCNVMBPairs", "NoisyPatches"])
def test_a_program_may_end_in_the_middle_of_an_epoch(tmp_path, kind):
    """Without a guard Python would wait for TensorFlow's threads, and those for Python."""
    if kind == "FCNVMBPairs":
        reason = "needs scipy: pip install 'keras_seismic[mat]'"
        savemat = pytest.importorskip("scipy.io", reason=reason).savemat
        for i in range(1, 4):
            savemat(tmp_path / f"georec{i}.mat", {"Rec": np.zeros((50, 6, 2))})
            savemat(tmp_path / f"vmodel{i}.mat", {"vmodel": np.full((4, 6), 2000.0)})
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SLOW), kind, str(tmp_path)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr[-3000:]
    assert "enough" in ended.stderr
