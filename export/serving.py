"""Write a folder that TensorFlow Serving starts from, and print the commands that start it.

    python -m export.serving serving inversion=models/inversion denoiser=models/denoiser
    python -m export.serving serving models/inversion --label stable=1 --label canary=2

MODEL is NAME=BASE_PATH, or BASE_PATH alone, whose last part is then the name. In it lie the
versions, models/inversion/1, /2 ..., as export.saved_model makes them; the newest is served
unless labels or --versions say otherwise. Nothing is started and nothing is sent anywhere.
How to use the server: docs/serving.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import keras_seismic as ks
from keras_seismic.cli import command_line


def parser() -> argparse.ArgumentParser:
    """The program's arguments."""
    positive = command_line.positive
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("folder", type=Path, help="to write the configuration to")
    p.add_argument("models", nargs="+", metavar="MODEL", help="[NAME=]BASE_PATH")
    p.add_argument("--overwrite", action="store_true", help="replace the files that are there")
    p.add_argument("--label", action="append", default=[], metavar="[NAME:]LABEL=VERSION",
                   help="a name of a version that clients may ask for; with several models, "
                   "say of which; repeat it for more")  # fmt: skip
    p.add_argument("--versions", action="append", default=[], metavar="[NAME:]VERSIONS",
                   help="to load: latest (the default), latest=2, all, or numbers as 1,3; "
                   "default with labels: those with labels")  # fmt: skip
    p.add_argument("--port", type=positive, default=8500, help="for gRPC, default %(default)s")
    p.add_argument("--rest-port", type=int, default=8501,
                   help="for REST and metrics, default %(default)s; 0 for neither")  # fmt: skip
    p.add_argument("--no-monitoring", action="store_true", help="no metrics for Prometheus")
    p.add_argument("--batching", action="store_true",
                   help="merge requests that come together; a request that the model refuses then "
                   "fails those merged with it")  # fmt: skip
    p.add_argument("--max-batch-size", type=positive, default=32, help="default %(default)s")
    p.add_argument("--batch-timeout", type=float, default=0.005, metavar="SECONDS",
                   help="to wait for further requests, default %(default)s")  # fmt: skip
    p.add_argument("--max-megabytes", type=positive, default=64,
                   help="largest request and answer over gRPC, default %(default)s")  # fmt: skip
    p.add_argument("--image", default=ks.serving.IMAGE, help="Docker's, default %(default)s")
    return p


def main(argv: Sequence[str] | None = None) -> ks.serving.Commands:
    """Write the configuration; returns the commands."""
    arguments = parser().parse_args(argv)
    models = ks.serving.parse_models(arguments.models, arguments.label, arguments.versions)
    batching = None
    if arguments.batching:
        batching = ks.serving.Batching(arguments.max_batch_size, arguments.batch_timeout)
    commands = ks.serving.write_configuration(
        arguments.folder,
        models,
        port=arguments.port,
        rest_port=arguments.rest_port or None,
        batching=batching,
        monitoring=not arguments.no_monitoring,
        image=arguments.image,
        max_message_bytes=arguments.max_megabytes * 2**20,
        overwrite=arguments.overwrite,
    )
    for model in models:
        labels = "".join(f", {label} is {number}" for label, number in model.labels.items())
        print(f"{model.name}: version {', '.join(map(str, model.loaded))}{labels}")
    print(f"written: {arguments.folder}\n\n{commands}")
    return commands


if __name__ == "__main__":
    command_line.run_program(main)
