"""Folders of versions that a server could not load are refused by name, with the reason."""

import shutil

import pytest

import keras_seismic as ks

write, Model = ks.serving.write_configuration, ks.serving.ServedModel


def spoilt(base, how):
    if how == "no folder":
        return base / "absent"
    if how == "a version":
        return base / "1"
    if how == "a file":
        shutil.rmtree(base / "2")
        shutil.rmtree(base / "1")
        (base / "1").write_text("")
    if how == "no model":
        (base / "2" / "saved_model.pb").unlink()
    if how == "no weights":
        (base / "2" / "variables" / "variables.index").unlink()
    if how == "leading zero":
        (base / "2").rename(base / "02")
    if how == "damaged":
        (base / "2" / "saved_model.pb").write_bytes(b"\xff" * 100)
    if how == "comma":
        return base.rename(base.parent / "a,b")
    return base


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("no folder", "absent: no such folder of model versions"),
        ("a version", "it is a version itself: pass .*inversion"),
        ("a file", "expected folders of versions"),
        ("no model", r"2/saved_model\.pb: no such file"),
        ("no weights", r"variables\.index: no such file; the SavedModel is incomplete"),
        ("leading zero", "leading zeros are ambiguous"),
        ("damaged", "is no SavedModel|holds no graph"),
        ("comma", "commas, quotes"),
    ],
)
def test_a_bad_folder_is_refused_by_name(base, tmp_path, how, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        write(tmp_path / "serving", [Model("m", spoilt(base, how))])
    assert not (tmp_path / "serving").exists()


def test_a_folder_that_cannot_be_passed_on_is_refused(base, tmp_path):
    with pytest.raises(ValueError, match="a,b: commas"):
        write(tmp_path / "a,b", [Model("m", base)])
    assert not (tmp_path / "a,b").exists()


@pytest.mark.parametrize(
    ("name", "versions", "labels", "words"),
    [
        ("a/b", "", {}, "expected a name of letters"),
        ("", "", {}, "expected a name of letters"),
        ("m", "newest", {}, "expected versions 'latest'"),
        ("m", "latest=0", {}, "expected versions 'latest'"),
        ("m", (3,), {}, "no such version of m; there are 1, 2"),
        ("m", "latest", {"stable": 1}, "names version 1, but the server would load 2"),
        ("m", "", {"stable": 3}, "no such version of m"),
        ("m", "", {"2": 2}, "begins with a letter"),
        ("m", "", {"a b": 2}, "begins with a letter"),
    ],
)
def test_names_versions_and_labels_are_checked(exported, name, versions, labels, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        Model(name, exported.root / "inversion", versions, labels)


def test_words_of_a_command_line(exported):
    base, denoiser = exported.root / "inversion", exported.root / "denoiser"
    (model,) = ks.serving.parse_models([str(base)], ["stable=1", "canary=2"], ["all"])
    assert (model.name, model.versions, model.labels) == (
        "inversion", "all", {"stable": 1, "canary": 2}
    )  # fmt: skip
    first, second = ks.serving.parse_models(
        [f"a={base}", str(denoiser)], ["a:stable=1"], ["a:1,2", "denoiser:latest=3"]
    )
    assert (first.name, first.versions, first.labels) == ("a", (1, 2), {"stable": 1})
    assert (second.name, second.versions) == ("denoiser", "latest=3")
    for labels, versions, words in (
        (["stable=1"], [], "expected NAME:stable=1"),
        (["b:stable=1"], [], "one of a, denoiser"),
        (["a:stable"], [], r"expected \[NAME:\]LABEL=VERSION"),
        (["a:stable=1", "a:stable=2"], [], "each label once"),
        ([], ["a:1", "a:2"], "one .* a model"),
    ):
        with pytest.raises(ValueError, match=words):
            ks.serving.parse_models([f"a={base}", str(denoiser)], labels, versions)
    with pytest.raises(ValueError, match="two are called 'inversion'"):
        ks.serving.parse_models([str(base), f"inversion={denoiser}"])
