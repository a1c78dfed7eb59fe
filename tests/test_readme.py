"""What the README promises."""

from pathlib import Path

import keras_seismic as ks

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_parameter_counts_are_the_models():
    published = ks.models.InversionNet()
    trainable = sum(w.shape.num_elements() for w in published.trainable_weights)
    table = {
        "`InversionNet`": trainable,
        "`ConvDenoiser`": ks.models.ConvDenoiser().count_params(),
        '`ConvDenoiser(decoder="resize")`': ks.models.ConvDenoiser(decoder="resize").count_params(),
    }
    for name, parameters in table.items():
        (row,) = [line for line in README.splitlines() if line.startswith(f"| {name} |")]
        assert f"| {parameters:,} |" in row


def test_files_it_shows_are_there():
    for line in README.splitlines():
        for part in line.split("](")[1:]:
            target = part.split(")")[0]
            if "://" not in target:
                assert (Path(__file__).parent.parent / target).exists(), target
