"""Which precision is chosen on which machine."""

import keras
import pytest

import keras_seismic as ks
from keras_seismic.training import precision

_ON_PROCESSORS = [
    ({"avx2", "avx512f"}, "float32"),
    ({"avx512f", "avx512_bf16"}, "mixed_bfloat16"),
    ({"amx_bf16", "amx_tile"}, "mixed_bfloat16"),
    (set(), "float32"),
]


@pytest.mark.parametrize(("flags", "expected"), _ON_PROCESSORS)
def test_on_a_processor(monkeypatch, flags, expected):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(precision, "_processor_flags", lambda: flags)
    assert ks.training.dtype_policy() == expected
    for fixed in ("float32", "mixed_bfloat16", "mixed_float16"):
        assert ks.training.dtype_policy(fixed) == fixed


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ([(9, 0)], "mixed_bfloat16"),
        ([(8, 0), (7, 5)], "float32"),
        ([None], "float32"),  # not one of Nvidia's
    ],
)
def test_on_accelerators(monkeypatch, capabilities, expected):
    import tensorflow as tf

    monkeypatch.setattr(precision, "_processor_flags", lambda: {"amx_bf16"})
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    details = lambda gpu: {"compute_capability": gpu} if gpu else {}  # noqa: E731
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details)
    assert ks.training.dtype_policy() == expected


def test_the_flags_are_read_from_the_system(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("model name\t: X\nflags\t\t: fpu amx_bf16\n\nflags\t: y\n")
    monkeypatch.setattr(precision, "Path", lambda _: tmp_path / "cpuinfo")
    monkeypatch.setattr(precision.sys, "platform", "linux")
    assert precision._processor_flags() == {"fpu", "amx_bf16"}


def test_unknown_precision():
    with pytest.raises(ValueError, match=r"precision must be .*received 'half'"):
        ks.training.dtype_policy("half")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_another_precision_for_a_trained_model(rng, policy):
    network = ks.models.InversionNet((64, 8, 1), (16, 16), filters=1)
    units = ks.layers.GatherNormalization(-1, 1), ks.layers.VelocityScaling(1500, 4500)
    model = ks.models.with_physical_units(network, *units)
    half = ks.models.in_precision(model, policy)
    assert half.network.policy == policy
    x = rng.normal(size=(2, 64, 8, 1)).astype("float32")
    again = ks.models.in_precision(half, "float32")
    assert ks.models.in_precision(again, "float32") is again
    keras_out = [keras.ops.convert_to_numpy(m(x)) for m in (model, again)]
    assert (keras_out[0] == keras_out[1]).all()
