"""The study of the denoiser: its recipes, its arithmetic, and that it goes on where it stopped."""

import json
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest

import keras_seismic as ks
from keras_seismic.training import (
    DenoiserRecipe,
    DenoiserStudy,
    RunFolder,
    denoiser_study,
    study_denoiser,
    study_factors,
)
from keras_seismic.training.denoiser_recipe import LOSSES

BASE = DenoiserRecipe()


def loss_of(name, target, output):
    shape = (1, len(target), 1, 1)
    arrays = (np.asarray(x, "float32").reshape(shape) for x in (target, output))
    return float(LOSSES[name]()(*arrays))


# Recipes


def test_smooth_l1_is_half_the_squared_error_between_minus_1_and_1(rng):
    target, output = rng.uniform(-0.5, 0.5, (2, 50))
    assert loss_of("smooth_l1", target, output) == pytest.approx(
        0.5 * np.mean((target - output) ** 2), rel=1e-5
    )


@pytest.mark.filterwarnings("ignore:In loss categorical_crossentropy")
def test_why_two_losses_cannot_work(rng):
    """Softmax: nothing to learn from. Sigmoid: no minimum for negative amplitudes."""
    target = rng.uniform(-1, 1, 20)
    assert loss_of("softmax_crossentropy", target, rng.standard_normal(20)) == 0
    losses = [loss_of("sigmoid_crossentropy", [-0.5], [x]) for x in (-1, -10, -100)]
    assert losses[2] < losses[1] - 40 < losses[0]
    # In [0, 1] it has one, where the sigmoid equals the target.
    logits = np.linspace(-3, 3, 601)
    losses = [loss_of("sigmoid_crossentropy", [0.7], [x]) for x in logits]
    assert logits[np.argmin(losses)] == pytest.approx(np.log(0.7 / 0.3), abs=0.01)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "softmax_crossentropy"}, "zero whatever the network answers"),
        ({"loss": "sigmoid_crossentropy"}, r"in \[0, 1\], .* received 'maximum'"),
    ],
)
def test_losses_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        DenoiserRecipe(**changes).check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "l3"}, "loss must be 'mse', .* received 'l3'"),
        ({"optimizer": "lion"}, "optimizer must be 'sgd', .* received 'lion'"),
        ({"learning_rate": 0.0}, "positive, received 0.0"),
    ],
)
def test_recipes_that_do_not_exist(changes, message):
    with pytest.raises(ValueError, match=message):
        DenoiserRecipe(**changes)


def test_a_recipe_says_what_is_trained():
    network = DenoiserRecipe("resize", True, optimizer="momentum", learning_rate=0.02).network(2)
    assert (network.decoder, network.batch_norm, network.output_activation) == (
        "resize", True, "tanh"
    )  # fmt: skip
    assert isinstance(network.optimizer, keras.optimizers.SGD)
    assert network.optimizer.momentum == 0.9
    assert float(network.optimizer.learning_rate) == pytest.approx(0.02)


def test_the_sigmoid_is_added_after_training(rng):
    recipe = DenoiserRecipe(loss="sigmoid_crossentropy", normalization="range")
    recipe.check()
    network = recipe.network(2)
    section = rng.standard_normal((1, 12, 12, 1)).astype("float32")
    logits = np.asarray(network(section))
    np.testing.assert_allclose(recipe.estimator(network)(section), 1 / (1 + np.exp(-logits)), 1e-5)


# Variants and what is said about them


def test_one_factor_at_a_time_is_changed():
    fields = {
        "decoder": {"decoder", "batch_norm"},
        "normalization": {"normalization", "percentile"},
        "loss": {"loss", "normalization"},
        "optimizer": {"optimizer"},
        "learning rate": {"learning_rate"},
        "patch size": {"patch_size"},
        "epochs": {"epochs"},
    }
    factors = study_factors()
    assert list(factors) == list(fields)
    recipes = [r for variants in factors.values() for r in variants.values()]
    assert len(set(recipes)) == 24
    for factor, variants in factors.items():
        assert next(iter(variants.values())) == BASE
        assert len(set(variants.values())) == len(variants)
        for recipe in variants.values():
            changed = {k for k, v in asdict(recipe).items() if v != asdict(BASE)[k]}
            assert changed <= fields[factor]


def study_of(scores, snr_in=0.0):
    """A study whose variants reached these numbers, by what was changed."""
    recipes = {name: replace(BASE, **changes) for name, changes, _ in scores}
    curves = {recipes[name]: np.array(values)[:, None] for name, _, values in scores}
    return DenoiserStudy({"factor": recipes}, curves, snr_in)


def verdicts(study):
    return {claim.claim: claim.verdict for claim in study.claims()}


def test_table_and_verdicts_follow_from_the_numbers():
    study = study_of(
        [
            ("transpose", {}, [12.0, 12.1, 12.2]),
            ("resize", {"decoder": "resize"}, [11.0, 11.2, 11.1]),
            ("range", {"normalization": "range"}, [11.0, 11.0, 11.0]),
            ("softmax", {"loss": "softmax_crossentropy"}, [-2.0, -1.0, 5.0]),
            ("smooth L1", {"loss": "smooth_l1"}, [12.1, 12.1, 12.0]),
            ("sgd", {"optimizer": "sgd"}, [5.0, 12.0, 15.0]),
        ]
    )
    assert study.table().splitlines()[3:5] == [
        "| transpose (base) | 12.10 ± 0.10 |  |",
        "| resize | 11.10 ± 0.10 | -1.00 ± 0.10 |",
    ]
    assert verdicts(study) == {
        "The network separates signal and noise within 5 epochs": "yes",
        "The transposed decoder does better than the resizing one": "yes",
        "Normalization to [0, 1] makes the training fail": "no",
        "Softmax cross-entropy fails": "yes",
        "Smooth L1 does better than the squared error": "no clear difference",
        "Adam does better than sgd at this learning rate": "no clear difference",
    }
    assert "| 0.0 dB in, 12.10 ± 0.10 dB out |" in study.report()


def test_a_training_that_diverged_failed():
    study = study_of(
        [
            ("base", {}, [9.0, 9.1]),
            ("range", {"normalization": "range"}, [8.0, np.nan]),
            ("sgd", {"optimizer": "sgd"}, [np.nan, np.nan]),
            ("longer", {"epochs": 10}, [9.1, 9.1]),
        ]
    )
    assert set(verdicts(study).values()) == {"yes"}
    assert "| sgd | -99.00 ± 0.00 |" in study.table()


def test_a_training_that_goes_on_to_improve_had_not_converged():
    study = study_of([("base", {}, [9.0, 9.1]), ("longer", {"epochs": 10}, [9.6, 9.6])])
    assert verdicts(study)["It has converged after 5 epochs"] == "no"


def test_a_network_that_leaves_the_noise_does_not_separate():
    assert set(verdicts(study_of([("base", {}, [5.0])], snr_in=0.0)).values()) == {"no"}
    assert set(verdicts(study_of([("base", {}, [5.0])], snr_in=-3.0)).values()) == {"yes"}


# Trainings

FACTORS = {
    "decoder": {
        "transpose": replace(BASE, epochs=2),
        "resize": replace(BASE, epochs=1, decoder="resize"),
    },
    "loss": {
        "sigmoid": replace(BASE, epochs=1, loss="sigmoid_crossentropy", normalization="range")
    },
}


@pytest.fixture(scope="module")
def sections():
    return ks.simulation.sample_sections(3, 0)


def run_study(folder, sections, **options):
    run = RunFolder(folder, resume=True)
    options = {"patches": 64, "num_filters": 2, "repetitions": 2, "progress": False} | options
    return study_denoiser(run, sections[:2], sections[2:], factors=FACTORS, **options)


def test_a_killed_study_goes_on(tmp_path, sections, monkeypatch, untraced):
    original, trained = denoiser_study._train, []

    def killed(recipe, data, seed, *options):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append((recipe, seed))
        return original(recipe, data, seed, *options)

    monkeypatch.setattr(denoiser_study, "_train", killed)
    with pytest.raises(KeyboardInterrupt):
        run_study(tmp_path / "study", sections)
    kept = {path: path.read_bytes() for path in (tmp_path / "study" / "variants").iterdir()}
    assert {path.name for path in kept} == {"base-0.json", "decoder_resize-epochs_1-0.json"}

    monkeypatch.setattr(
        denoiser_study, "_train", lambda *a: trained.append((a[0], a[2])) or original(*a)
    )
    study = run_study(tmp_path / "study", sections)
    assert len(trained) == len(set(trained)) == 6
    assert {path: path.read_bytes() for path in kept} == kept
    result = json.loads((tmp_path / "study" / "variants" / "base-0.json").read_text())
    base = FACTORS["decoder"]["transpose"]
    np.testing.assert_allclose(study.curves[base][0], result["snr_out_db"])
    assert study.curves[base].shape == (2, 2)
    assert study.snr_in == pytest.approx(0, abs=0.2)


def test_other_arguments_are_not_mixed_in(tmp_path, sections):
    RunFolder(tmp_path, resume=True).create({"arguments": {"patches": 64}})
    with pytest.raises(ValueError, match="patches: 64 then, 32 now"):
        RunFolder(tmp_path, resume=True).create({"arguments": {"patches": 32}})
    overwritten = RunFolder(tmp_path, overwrite=True, resume=True)
    assert overwritten.create({"arguments": {"patches": 32}}).read("config.json")


def test_larger_patches_make_as_many_updates_of_as_many_samples(sections):
    data = denoiser_study._Data(sections, sections, None, None, "white", 0.0, 5000, 32, 28)
    for size in (28, 32, 40, 64, 128):
        patches, batch = data.patches(replace(BASE, patch_size=size), 0)
        assert len(patches.dataset(batch)) == pytest.approx(157, abs=1)
        assert batch * size**2 == pytest.approx(32 * 28**2, rel=0.31)


def test_sections_too_small_for_a_variant_are_refused_before_any_training(tmp_path, sections):
    small = [section[:100] for section in sections]
    with pytest.raises(ValueError, match="100 x 140 is smaller than a patch of 128 x 128"):
        study_denoiser(RunFolder(tmp_path / "study"), small, small, patches=64)
    assert not (tmp_path / "study").exists()
