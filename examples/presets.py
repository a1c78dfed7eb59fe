"""Train a network that comes with the package, and put it where the package finds it.

    python -m examples.presets blind_denoiser --hardware "2 cores of ..., 1.5 hours"

An interrupted training goes on with the same command; a finished one is only packed again.
"""

import argparse
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras_seismic as ks
from keras_seismic.cli.main import main as keras_seismic
from keras_seismic.models.presets import FOLDER


class Recipe(NamedTuple):
    """How a preset is made, and what its users should know."""

    command: str
    card: Mapping[str, Any]


#: The velocity presets have a seed of their own: whoever scores one on pairs of the default seed
#: does not score it on what it has learned.
RECIPES = {
    "blind_denoiser": Recipe(
        "keras-seismic train blind-denoiser --epochs 16 --precision mixed_bfloat16 --out RUN",
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
    "time_depth_unet_openfwi": Recipe(
        "keras-seismic train time-depth-unet --family openfwi --samples 20000 --held-out 1000 "
        "--epochs 20 --seed 14 --out RUN",
        {
            "summary": "shot gathers of OpenFWI's acquisition (5 shots, 70 receivers, 1 s) to "
            "velocity of 70 x 70 cells of 10 m",
            "data": "20,000 models, 2,000 of each of OpenFWI's ten Vel, Fault and Style families "
            "by the package's rules (ks.simulation.sample_velocity, seed 14), simulated by "
            "OpenFWI's scheme (Acquisition.openfwi()); scored on 100 others of each; no field data",
            "limits": "Another acquisition or wavelet, noise, missing low frequencies, velocities "
            "outside 1500-4500 m/s, salt, strong contrasts between thin layers, and geology unlike "
            "these families. It always answers: compare with --refine, or fine-tune it.",
            "license": "Apache-2.0",
        },
    ),
    "time_depth_unet_fcnvmb": Recipe(
        "keras-seismic train time-depth-unet --family salt --shape 201 301 --shots 29 "
        "--samples-in-time 2000 --keep-every 5 --boundary cpml --samples 1600 --held-out 100 "
        "--epochs 40 --batch-size 8 --seed 14 --out RUN",
        {
            "summary": "shot gathers of FCNVMB's acquisition (29 shots, 301 receivers, 2 s) to "
            "velocity of 201 x 301 cells of 10 m, with salt",
            "data": "1,600 models of folded layers with a salt body by ks.simulation."
            "sample_velocity('salt', seed 14), simulated with an absorbing layer on all sides; "
            "scored on 100 others; none of FCNVMB's own files",
            "limits": "Another acquisition or wavelet, a free surface, noise, missing low "
            "frequencies, several salt bodies, the base of salt where little energy returns. "
            "FCNVMB's own files have other amplitudes: fine-tune it on them.",
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
        words = [str(run) if word == "RUN" else word for word in shlex.split(recipe.command)]
        try:
            keras_seismic([*words[1:], "--resume"])
        except SystemExit as ended:
            if ended.code:
                raise
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
