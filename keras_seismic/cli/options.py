"""The options shared by several programs, each written once.

``def evaluate(model: Model, out: Out, overwrite: Overwrite = False)``: the program chooses the
default, the option says what it means.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from keras_seismic import training
from keras_seismic.noise import NOISES
from keras_seismic.simulation import FAMILIES, OPENFWI_FAMILIES
from keras_seismic.training.updates import check_tensorboard


def _families() -> list[str]:
    return list(FAMILIES)


# Runs
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing output.")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue an interrupted run with the same arguments, or begin it if there is none.",
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of data, order and weights.")]

# Training
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the training data.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Examples in a batch.")]
LearningRate = Annotated[float, typer.Option(help="Largest learning rate.")]
Precision = Annotated[
    training.Precision,
    typer.Option(help="Of the layers; auto: mixed_bfloat16 where the machine is quicker with it."),
]
Filters = Annotated[int, typer.Option(min=1, help="Width of the network.")]

Schedule = Annotated[
    Literal["cosine", "constant"],
    typer.Option(help="Learning rate: warm-up and cosine decay to zero, or constant."),
]
Average = Annotated[
    float | None,
    typer.Option(
        metavar="MOMENTUM",
        help="Average the weights, with a momentum such as 0.999; the averages are kept.",
    ),
]
ClipNorm = Annotated[float | None, typer.Option(help="Largest norm of all gradients together.")]
Accumulate = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="PARTS",
        help="Compute each batch in parts, which takes less memory. Batch normalization then sees "
        "a part at a time; but for that, and rounding, updates are the same.",
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(min=1, metavar="EPOCHS", help="Stop after so many without a better one."),
]
TensorBoard = Annotated[
    bool,
    typer.Option(
        "--tensorboard", callback=check_tensorboard, help="Also write what TensorBoard shows."
    ),
]

# Where to train: the arguments of keras_seismic.training.on_devices
DEVICES = {
    "strategy": Annotated[
        Literal["mirrored", "hosts"] | None,
        typer.Option(
            help="mirrored: all devices of this host (TensorFlow); hosts: several processes that "
            "run this same command (JAX)."
        ),
    ],
    "coordinator": Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where the first of several processes listens."),
    ],
    "num_processes": Annotated[
        int | None, typer.Option(min=1, help="Processes; under Slurm, its tasks.")
    ],
    "process_id": Annotated[
        int | None,
        typer.Option(min=0, help="Which one this is, from 0; Slurm and Kubernetes tell it."),
    ],
}

# Pairs of shot gathers and velocity models
Data = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Pairs to learn from, instead of simulating them: a folder of OpenFWI's files or an "
        "annotation file that lists them, FCNVMB's .mat files, a TensorFlow dataset.",
    ),
]
Family = Annotated[
    str | None,
    typer.Option(
        autocompletion=_families,
        help=f"Family of the velocity models: {', '.join(FAMILIES)}.",
    ),
]
Families = Annotated[
    list[str] | None,
    typer.Option(
        "--family",
        autocompletion=lambda: ["openfwi", *FAMILIES],
        help="Family of the velocity models, repeatable, or openfwi for all "
        f"{len(OPENFWI_FAMILIES)} of OpenFWI: {', '.join(FAMILIES)}.",
    ),
]
Shape = Annotated[
    tuple[int, int] | None,
    typer.Option(
        metavar="DEPTH WIDTH",
        help="Size of simulated velocity models, cells of 10 m; by default 70 70.",
    ),
]
Shots = Annotated[int | None, typer.Option(min=1, help="Shots of simulated gathers, by default 5.")]
SamplesInTime = Annotated[
    int | None,
    typer.Option(min=1, help="Samples of simulated gathers, 1 ms each, by default 1000."),
]
KeepEvery = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Keep every N-th time sample; by default all of thinned files."
    ),
]
Samples = Annotated[
    int | None, typer.Option(min=1, help="Pairs to learn from; with --data, by default all.")
]
HeldOut = Annotated[int, typer.Option(min=1, help="Pairs to score on, never learned from.")]
Boundary = Annotated[
    Literal["openfwi", "cpml"],
    typer.Option(help="openfwi: OpenFWI's exact scheme; cpml: closer to an open medium."),
]
CacheDir = Annotated[Path, typer.Option(metavar="FOLDER", help="Where simulated pairs are kept.")]

# Sections
Sections = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Section to learn from, .segy, .sgy or .npy; repeatable."),
]
NoiseKinds = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND[=LEVEL]",
        help="Noise to add, with a level of its own in dB, or a fraction of traces for missing "
        f"and weak; may be repeated: {', '.join(NOISES)}. White if none is given.",
    ),
]
SNR = Annotated[
    float, typer.Option("--snr", metavar="DB", help="Signal-to-noise ratio of the added noise.")
]
SampleInterval = Annotated[
    float | None,
    typer.Option("--dt", metavar="SECONDS", help="Sample interval if the file lacks it."),
]

# Models
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="model.keras of a run.")]
License = Annotated[str | None, typer.Option(help="Terms of the weights, for the model card.")]
