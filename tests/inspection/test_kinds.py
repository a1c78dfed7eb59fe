"""What an inspection takes an array for: sections, gathers, velocity, and their axes."""

import numpy as np
import pytest

import keras_seismic as ks


@pytest.fixture(scope="module")
def gathers():
    """Simulated gathers in OpenFWI's order, two records, and their velocity."""
    acquisition = ks.simulation.Acquisition.openfwi("cpml")
    velocity = ks.simulation.sample_velocity("curvefault_a", 2, 0)
    recorded = ks.simulation.simulate(velocity, acquisition, progress=False)
    return recorded.transpose(0, 3, 1, 2), velocity[:, None]


def noted(report, text):
    return [line for line in (*report.warnings, *report.notes) if text in line]


@pytest.mark.parametrize(
    ("order", "axes"),
    [
        ((0, 1, 2, 3), ("record", "shot", "time", "receiver")),
        ((0, 2, 3, 1), ("record", "time", "receiver", "shot")),
    ],
)
def test_gathers_in_both_orders(gathers, inspected, order, axes):
    array = inspected(gathers[0].transpose(order))
    assert (array.kind, array.axes) == ("shot gathers", axes)
    assert array.dt == 1e-3
    assert array.dt_source.startswith("as OpenFWI's")
    assert 10 < array.spectrum["peak_hz"] < 17
    assert noted(array, "OpenFWI's are about -27 to 53")
    assert array.warnings == []


@pytest.mark.parametrize(
    ("order", "axes"),
    [
        ((1, 2, 0), ("time", "receiver", "shot")),
        ((0, 1, 2), ("shot", "time", "receiver")),
        ((0, 2, 1), ("shot", "receiver", "time")),
    ],
)
def test_one_record_of_gathers(gathers, inspected, order, axes):
    array = inspected(gathers[0][0].transpose(order))
    assert (array.kind, array.axes) == ("shot gathers", axes)
    assert bool(noted(array, "networks take (time, receivers, shots)")) == (axes[0] != "time")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda g: 1e3 * g, "far from OpenFWI's -27 to 53 (7"),
        (lambda g: 1e-3 * g, "far from OpenFWI's"),
        (lambda g: np.sign(g) * np.log1p(np.abs(g)), "after log(1 + |x|)"),
        (lambda g: g / np.abs(g).max(), "divided by the largest absolute value"),
    ],
)
def test_gathers_that_were_changed(gathers, inspected, change, text):
    assert noted(inspected(change(gathers[0])), text)


@pytest.mark.parametrize(
    ("change", "axes", "text"),
    [
        (lambda v: v, ("model", "channel", "depth", "width"), ""),
        (lambda v: v[:, 0], ("model", "depth", "width"), ""),
        (lambda v: v[0, 0], ("depth", "width"), ""),
        (lambda v: v[..., None][:, 0], ("model", "depth", "width", "channel"), ""),
        (lambda v: v[:, 0] / 1000, ("model", "depth", "width"), "multiply by 1000"),
        (lambda v: v[0, 0].T, ("depth", "width"), "(width, depth); transpose it"),
        (lambda v: v[:, 0] - 1000, ("model", "depth", "width"), "outside 1500-4500 m/s"),
    ],
)
def test_velocity_in_every_order(inspected, change, axes, text):
    velocity = ks.simulation.sample_velocity("flatvel_a", 2, 3, shape=(70, 90))[:, None]
    array = inspected(change(velocity))
    assert (array.kind, array.axes) == ("velocity", axes)
    assert not text or noted(array, text)


def test_normalized_velocity(gathers, inspected):
    scaled = (gathers[1] - 3000) / 1500
    array = inspected(scaled, "model7.npy")
    assert array.kind == "velocity"
    assert array.units.startswith("normalized")


def test_a_transposed_section(section, inspected):
    array = inspected(section.T)
    assert array.axes == ("trace", "time")
    assert noted(array, "transpose it")
    assert inspected(section).axes == ("time", "trace")


def test_patches(section, inspected):
    patches = ks.datasets.NoisyPatches([section], 64, 20, 10.0)
    noisy, _ = patches[:20]
    array = inspected(noisy)
    assert (array.kind, array.axes) == ("section", ("patch", "time", "trace", "channel"))


def test_repeated_examples(gathers, inspected):
    recorded = np.concatenate([gathers[0], gathers[0][:1], 2 * gathers[0]])
    (warning,) = noted(inspected(recorded), "records equal")
    assert "1 of 5, the first pair is 0 and 2" in warning
    assert not noted(inspected(gathers[0]), "records equal")


def test_whole_records_of_a_large_array(gathers, inspected):
    recorded = np.concatenate([gathers[0]] * 5) * np.arange(1, 11).reshape(-1, 1, 1, 1)
    array = inspected(recorded.astype("float32"), samples=1_100_000)
    assert array.panels.shape == (15, 1000, 70)
    assert "15 of 50 panels" in array.examined
    for k, record in enumerate((0, 4, 9)):
        np.testing.assert_array_equal(array.panels[5 * k], recorded[record, 0].astype("float32"))


@pytest.mark.parametrize("family", ks.simulation.FAMILIES)
def test_velocity_of_every_family_stands_upright(family, inspected):
    velocity = ks.simulation.sample_velocity(family, 20, 1)
    assert not noted(inspected(velocity), "transpose")
    if not family.startswith("style"):  # textures have hardly a direction
        assert noted(inspected(velocity.swapaxes(1, 2)), "transpose")


@pytest.mark.parametrize("kind", ks.noise.NOISES)
def test_time_is_found_in_any_noise(section, inspected, kind):
    noisy = ks.noise.add_noise(section, kind, 0, 0.004, 1)
    assert inspected(noisy).axes == ("time", "trace")
    assert inspected(noisy.T).axes == ("trace", "time")
