"""Pairs of sections and labels."""

import numpy as np
import pytest

import keras_seismic as ks

SHAPE = (64, 24)


def pairs(label, families=("flatfault_a", "salt"), **options):
    options = {"count": 4, "shape": SHAPE, "seed": 3} | options
    return ks.datasets.LabeledSections(label, families, **options)


def made_by(number):
    """The section that example ``number`` of ``pairs`` is made of."""
    family = ("flatfault_a", "salt")[number % 2]
    return ks.simulation.sample_labeled_sections(2, (3, number % 2), family, SHAPE)[number // 2]


@pytest.mark.parametrize("label", ["fault", "salt", "impedance", "reflectivity"])
def test_labels_are_those_of_the_section_in_its_units(label):
    sections, labels = pairs(label, snr_db=None)[:]
    assert sections.dtype == labels.dtype == np.float32
    for number, (section, found) in enumerate(zip(sections, labels, strict=True)):
        source = made_by(number)
        scale = np.abs(source.amplitude).max()
        np.testing.assert_allclose(section[..., 0], source.amplitude / scale, atol=1e-6)
        if label in ("fault", "salt"):
            np.testing.assert_array_equal(found[..., 0], getattr(source, label))
            continue
        impedance = np.cumsum(found[..., 0], axis=0) if label == "reflectivity" else found[..., 0]
        np.testing.assert_allclose(impedance * scale, source.impedance, atol=1e-5)


def test_family_is_a_one_among_zeros():
    _, labels = pairs("family", ("flatvel_a", "salt", None), count=7)[:]
    np.testing.assert_array_equal(labels, np.eye(3)[np.arange(7) % 3])


def test_noise_is_new_in_every_epoch_and_has_its_level():
    noisy, clean = pairs("fault", snr_db=0.0), pairs("fault", snr_db=None)[:][0]
    first, again, second = noisy.read([0, 1]), noisy.read([0, 1]), noisy.read([0, 1], epoch=1)
    np.testing.assert_array_equal(first[0], again[0])
    assert np.abs(first[0] - second[0]).max() > 0.1
    np.testing.assert_array_equal(first[1], second[1])
    for with_noise, without in zip(first[0][..., 0], clean[..., 0], strict=False):
        slope = (with_noise * without).sum() / (without**2).sum()
        noise = with_noise - slope * without
        # 1,536 samples of noise, of which a few percent look like the signal.
        assert 20 * np.log10(slope * without.std() / noise.std()) == pytest.approx(0, abs=1)


def test_a_network_trains_on_them():
    data = pairs("salt", ["salt"], count=8)
    model = ks.models.UNet(1, filters=2, depth=1, padding="same", activation="sigmoid")
    model.compile("adam", "binary_crossentropy", run_eagerly=True)
    model.fit(data.dataset(4), epochs=1, verbose=0)


@pytest.mark.parametrize(
    ("act", "word"),
    [
        (lambda: pairs("faults"), "label"),
        (lambda: pairs("salt", [None]), "'salt'"),
        (lambda: pairs("impedance", []), "needs families"),
        (lambda: pairs("fault", ["flatfault_a_v1"]), "former rules"),
        (lambda: pairs("fault", count=0), "count"),
    ],
)
def test_bad_arguments_are_refused(act, word):
    with pytest.raises(ValueError, match=word):
        act()
