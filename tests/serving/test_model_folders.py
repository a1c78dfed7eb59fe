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
    if how == "no versions":
        shutil.rmtree(base)
        base.mkdir()
    if how == "no model":
        (base / "2" / "saved_model.pb").unlink()
    if how == "no weights":
        (base / "2" / "variables" / "variables.index").unlink()
    if how == "leading zero":
        (base / "2").rename(base / "02")
    if how == "damaged":
        (base / "2" / "saved_model.pb").write_bytes(b"\xff" * 100)
    if how == "link":
        (base / "2").rename(base.parent / "elsewhere")
        (base / "2").symlink_to(base.parent / "elsewhere")
    if how == "link within":
        variables = base / "2" / "variables"
        variables.rename(base.parent / "elsewhere")
        variables.symlink_to(base.parent / "elsewhere")
    return base


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("no folder", "absent: no such folder of model versions"),
        ("a version", "it is a version itself: pass .*inversion"),
        ("a file", r"1/saved_model\.pb: no such file"),
        ("no versions", "found none; export one with: keras-seismic export saved-model MODEL /"),
        ("no model", r"2/saved_model\.pb: no such file"),
        ("no weights", r"variables\.index: no such file; the SavedModel is incomplete"),
        ("leading zero", r"2/saved_model\.pb: no such file"),
        ("damaged", r"saved_model\.pb: expected SHA-256 .*; the model was damaged or changed"),
        ("link", "2: is a link to .*elsewhere, outside of .*inversion"),
        ("link within", "2/variables: is a link to .*elsewhere, outside of .*inversion"),
    ],
)
def test_a_bad_folder_is_refused_by_name(base, tmp_path, how, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        write(tmp_path / "serving", [Model("m", spoilt(base, how))])
    assert not (tmp_path / "serving").exists()


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
        (
            "m",
            ("1",),
            {},
            r"m, versions: expected a version number from 0 to 2\*\*63 - 1, received '1' \(str",
        ),
        ("m", (True,), {}, r"expected a version number from 0 to 2\*\*63 - 1, received True"),
        ("m", (1.0,), {}, r"expected a version number from 0 to 2\*\*63 - 1, received 1.0"),
        ("m", "1", {}, r"numbers such as \(1, 3\), received '1'"),
        ("m", "latest=99999999999", {}, "expected versions 'latest'"),
        ("m", (2**63,), {}, r"from 0 to 2\*\*63 - 1"),
        ("m", "", {"stable": "1"}, "m, label 'stable': expected a version number .* '1' "),
        ("m", "", {"stable": True}, "received True"),
        ("m", "", {"stable": -1}, r"from 0 to 2\*\*63 - 1"),
        ("m", "", {1: 1}, "begins with a letter"),
        (None, "", {}, "expected a name of letters"),
        ("m", "", {"2": 2}, "begins with a letter"),
        ("m", "", {"a b": 2}, "begins with a letter"),
    ],
)
def test_names_versions_and_labels_are_checked(exported, name, versions, labels, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        Model(name, exported.root / "inversion", versions, labels)


def test_links_that_a_container_can_follow(base, tmp_path):
    (base / "3").symlink_to("1")
    (tmp_path / "link").symlink_to(base)
    model = Model("m", tmp_path / "link")
    assert model.newest == base.resolve() / "3"
    write(tmp_path / "serving", [model])
    assert f'"source": "{base.resolve()}"' in (tmp_path / "serving" / "compose.yaml").read_text()


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
