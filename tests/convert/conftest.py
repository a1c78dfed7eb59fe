"""What the tests of conversion share."""

import pytest


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "checkpoint.pth"
        path.write_bytes(data)
        return path

    return write
