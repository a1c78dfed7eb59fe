"""Arguments that the training programs share."""

import pytest

import train.deconvolution
import train.denoiser
import train.fcnvmb
import train.inversionnet
from keras_seismic.cli import command_line

PROGRAMS = [train.deconvolution, train.denoiser, train.fcnvmb, train.inversionnet]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_smoke_replaces_defaults_by_tiny_ones(program, capsys):
    usual = vars(program.parser().parse_args(["--out", "x"]))
    smoke = vars(program.parser().parse_args(["--out", "x", "--smoke"]))
    changed = {name for name in usual if usual[name] != smoke[name]} - {"smoke"}
    assert changed >= {"epochs"}
    assert len(changed) > 1
    for name in changed:
        if isinstance(usual[name], int):
            assert smoke[name] < usual[name], name
    with pytest.raises(SystemExit):
        program.parser().parse_args(["--help"])
    assert "--smoke" in capsys.readouterr().out


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_what_the_user_gives_besides_stays(order):
    words = ["--out=x", "--epochs=7", "--smoke"][order]
    arguments = train.inversionnet.parser().parse_args(words)
    assert (arguments.epochs, arguments.filters) == (7, 1)
    # Also a value that is the default.
    arguments = train.inversionnet.parser().parse_args(["--out", "x", "--epochs", "16", "--smoke"])
    assert arguments.epochs == 16


def test_smoke_alone_is_one_epoch_and_knows_its_arguments():
    parser = command_line.training_parser("Train.", 10, 8, 1e-3)
    assert parser.parse_args(["--out", "x", "--smoke"]).epochs == 1
    parser = command_line.training_parser("Train.", 10, 8, 1e-3, smoke={"sample": 1})
    with pytest.raises(TypeError, match=r"\['sample'\], which are no arguments"):
        parser.parse_args(["--out", "x", "--smoke"])
