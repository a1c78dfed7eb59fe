"""``keras-seismic presets``: the trained networks in the package."""

import json
from typing import Annotated

import typer

import keras_seismic as ks
from keras_seismic.cli.app import app


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show its whole card.")] = None,
) -> None:
    """List the trained networks that come with the package, or show the card of one.

    The card says what it was trained on, by which command, with what scores, and where it fails.
    ks.load_preset(NAME) loads it, and predict uses it where no model is named.
    """
    cards = ks.presets()
    if name is None:
        for each, card in cards.items():
            typer.echo(f"{each}: {card['summary']}")
        return
    if name not in cards:
        raise ValueError(f"presets: expected one of {', '.join(cards)}, received {name!r}")
    shown = {key: value for key, value in cards[name].items() if key != "model"}
    typer.echo(json.dumps(shown, indent=2))
