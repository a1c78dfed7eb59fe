"""What the tests of conversion share."""

import numpy as np
import pytest

from tests.convert.torch_files import FIXTURES

BLOCKS = [
    "convblock1",
    *(f"convblock{stage}_{half}" for stage in range(2, 8) for half in (1, 2)),
    "convblock8",
    *(f"deconv{stage}_{half}" for stage in range(1, 6) for half in (1, 2)),
    "deconv6",
]


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "checkpoint.pth"
        path.write_bytes(data)
        return path

    return write


@pytest.fixture(scope="module")
def wide():
    """Weights of the recorded twin of the published network, by block, and what it computes."""
    with np.load(FIXTURES / "inversion_net_twin.npz", allow_pickle=False) as archive:
        before = {n.removeprefix("before/"): archive[n] for n in archive.files if "before/" in n}
        expected = archive["evaluated"]
    positions = sorted({int(name.split(".")[0]) for name in before})
    blocks = dict(zip(map(str, positions), BLOCKS, strict=True))
    state = {}
    for name, array in before.items():
        position, layer, leaf = name.split(".")
        state[f"{blocks[position]}.layers.{layer}.{leaf}"] = array
    return state, expected
