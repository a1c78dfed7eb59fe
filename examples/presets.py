"""Train a network that comes with the package, and put it where the package finds it.

    python -m examples.presets blind_denoiser --hardware "2 cores of ..., 1.5 hours"

An interrupted training goes on with the same command; a finished one is only packed again.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras_seismic as ks
from keras_seismic.cli.train import blind_denoiser
from keras_seismic.models.presets import FOLDER


class Recipe(NamedTuple):
    """How a preset is made, and what its users should know."""

    program: Callable[..., Any]
    command: str
    arguments: Mapping[str, Any]
    card: Mapping[str, Any]


RECIPES = {
    "blind_denoiser": Recipe(
        blind_denoiser,
        "keras-seismic train blind-denoiser --epochs 16 --precision mixed_bfloat16 --out RUN",
        {"epochs": 16, "precision": "mixed_bfloat16"},
        {
            "summary": "noisy sections of any amplitude, sampling and noise level to clean ones",
            "data": "1500 sections of 256 x 256 by ks.simulation.sample_sections, seed (0, 0); "
            "64,000 patches of 128 x 128 by ks.datasets.VariedNoisePatches, seed 0; no field data",
            "limits": "Ground roll, swell and other coherent noise are removed in part only. What "
            "is as incoherent as noise goes with it: signal near the Nyquist frequency under "
            "strong noise, single bad traces, chaotic facies. Compare before and after.",
            "license": "Apache-2.0",
        },
    ),
}


def main() -> None:
    """Train, unless that is done, and pack."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--out", type=Path, help="run folder, by default runs/<name>")
    parser.add_argument("--hardware", required=True, help="for the card: machine and hours")
    options = parser.parse_args()
    recipe, run = RECIPES[options.name], options.out or Path("runs", options.name)
    if not (run / "metrics.json").is_file():
        recipe.program(run, resume=True, **recipe.arguments)
    made = {
        "command": recipe.command,
        "hardware": options.hardware,
        "metrics": json.loads((run / "metrics.json").read_text(encoding="utf-8")),
    }
    path = FOLDER / f"{options.name}.json"
    ks.exporting.export_preset(
        ks.inference.load_model(run / "model.keras"), path, {**recipe.card, **made}
    )
    print(f"{path}: {path.with_suffix('.npz').stat().st_size / 1e6:.2f} MB of weights")


if __name__ == "__main__":
    main()
