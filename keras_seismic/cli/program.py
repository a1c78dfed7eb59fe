"""A program that can be repeated from the ``config.json`` it wrote, and tried on tiny data.

The annotated signature of a program's function is its configuration: Typer turns it into options,
``config.json`` records it, ``--config`` reads it back, and Python can call the function directly.
"""

import datetime
import functools
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import keras
import typer

import keras_seismic
from keras_seismic.backend import resources
from keras_seismic.cli import options
from keras_seismic.cli.next_steps import command
from keras_seismic.evaluation import write_report
from keras_seismic.file_checks import read_json
from keras_seismic.training import FinishedRunError, RunFolder, on_devices

Function = TypeVar("Function", bound=Callable[..., Any])


def program(
    group: typer.Typer,
    name: str | None = None,
    *,
    smoke: Mapping[str, Any] | None = None,
    repeatable: bool = True,
    devices: bool = False,
) -> Callable[[Function], Function]:
    """Register a function as a program with ``--config`` and, if it has one, ``--smoke``.

    Values come, in this order, from the command line, from ``smoke``, from the file given by
    ``--config``, from the function's defaults.

    Args:
        group: The group that the program belongs to.
        name: The program's name; by default the function's.
        smoke: The tiny values that ``--smoke`` sets, by argument.
        repeatable: Whether it writes a ``config.json``, and so has ``--config``.
        devices: Whether it trains on several devices and hosts, and so has the options of
            ``on_devices``.

    Returns:
        A decorator, which returns the function as it is.

    Raises:
        TypeError: If ``smoke`` names no argument of the function.
    """

    def register(function: Function) -> Function:
        signature = inspect.signature(function, eval_str=True)
        unknown = sorted(set(smoke or {}) - set(signature.parameters))
        if unknown:
            raise TypeError(f"{function.__name__}: smoke sets {unknown}, which are no arguments")

        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            given = {option.name: arguments.pop(option.name) for option in added}
            places = {name: given[name] for name in options.DEVICES if name in given}
            try:
                with on_devices(**places, again="--resume"):
                    _unless_finished(function, arguments)
            except KeyboardInterrupt:
                typer.echo(_interrupted(arguments), err=True)
                raise typer.Exit(130) from None

        added = []
        if repeatable:
            added.append(_parameter("config", Annotated[Path | None, _CONFIG], None))
        if smoke:
            added.append(_parameter("smoke", Annotated[bool, _smoke_option(smoke)], False))
        if devices:
            added += [_parameter(name, kind, None) for name, kind in options.DEVICES.items()]
        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in signature.parameters.values()
        ]
        signature = signature.replace(parameters=[*parameters, *added])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        group.command(name, help=_help(function.__doc__ or ""))(run)
        return function

    return register


def _unless_finished(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    try:
        function(**arguments)
    except FinishedRunError as finished:
        typer.echo(f"{finished}; there is nothing left to do")


def configuration(command: str, arguments: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What goes into ``config.json``: the command, its arguments, versions and the time.

    Args:
        command: The words after ``keras-seismic``, such as ``"train inversionnet"``.
        arguments: Of the program's function, by name.
        **more: Anything else to record.
    """
    return {
        "command": command,
        "arguments": {name: _plain(value) for name, value in arguments.items()},
        "versions": {
            "keras_seismic": keras_seismic.__version__,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "python": sys.version.split()[0],
        },
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **more,
    }


def print_table(rows: Mapping[str, Any]) -> None:
    """Print names and values in two columns, floats with four digits."""
    width = max(map(len, rows), default=0)
    for name, value in rows.items():
        text = f"{value:.4g}" if isinstance(value, float) else f"{value}"
        typer.echo(f"  {name:<{width}}  {text}")


def conclude(run: RunFolder, metrics: Mapping[str, Any], training: Path | None = None) -> None:
    """Complete the run: what it has taken, ``report.html``, and last ``metrics.json``.

    Args:
        run: Whose figures are drawn.
        metrics: The scores.
        training: Folder of the run whose model was evaluated, for the report.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    config = run.read("config.json") | {"finished": now, "resources": resources()}
    path, words = run.write("config.json", config), str(config.get("command", "")).split()
    again = command(*words, "--config", path, "--out", "NEW")
    if run.writes:
        report = write_report(run.path, training, again, metrics)
        typer.echo(f"report: {report}")
    run.finish(dict(metrics))


def finish(run: RunFolder, metrics: Mapping[str, Any]) -> None:
    """``conclude``, and print the results and what to do next."""
    print_table(metrics)
    conclude(run, metrics)
    model = run.path / "model.keras"
    export = command("export", "onnx", model, model.with_suffix(".onnx"))
    typer.echo(f"model: {model}; export it with\n  {export}")


def _repeat(context: typer.Context, path: Path | None) -> Path | None:
    """Use what a run recorded as the defaults."""
    if path is None or context.resilient_parsing:
        return path
    try:
        config = read_json(path)
        json.dumps(config, ensure_ascii=False).encode()  # half a surrogate is no text
    except ValueError as error:
        raise ValueError(f"{path}: expected the config.json of a run ({error})") from error
    if not isinstance(config, dict) or not isinstance(config.get("arguments"), dict):
        raise ValueError(f"{path}: expected the config.json of a run")
    name = context.command_path.removeprefix(context.find_root().command_path).strip()
    if config.get("command") != name:
        raise ValueError(
            f"{path}: expected a run of {name!r}, received one of {config.get('command')!r}"
        )
    known = {parameter.name: parameter for parameter in context.command.params}
    unknown = sorted(config["arguments"].keys() - known.keys())
    if unknown:
        raise ValueError(f"{path}: {name!r} has no argument {', '.join(unknown)}")
    recorded = {
        argument: _repeated(known[argument], value)
        for argument, value in config["arguments"].items()
        if value is not None and argument not in ("overwrite", "resume")
    }
    context.default_map = {**recorded, **(context.default_map or {})}
    return path


def _repeated(option: Any, value: Any) -> Any:
    """A recorded value as a list, if the option has become repeatable since then."""
    single = getattr(option, "multiple", False) and not isinstance(value, list)
    return [value] if single else value


_CONFIG = typer.Option(
    metavar="FILE",
    is_eager=True,
    callback=_repeat,
    help="Repeat the run that wrote this config.json; other options take precedence.",
)


def _smoke_option(values: Mapping[str, Any]) -> Any:
    def set_defaults(context: typer.Context, wanted: bool) -> bool:
        if wanted:
            context.default_map = {**(context.default_map or {}), **values}
        return wanted

    tiny = ", ".join(f"{name} {_plain(value)}" for name, value in values.items())
    return typer.Option(
        "--smoke",
        is_eager=True,
        callback=set_defaults,
        help=f"Try the whole program in about a minute: {tiny}.",
    )


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _help(docstring: str) -> str:
    """A docstring whose indented examples keep their lines, by Click's marker before each."""
    return re.sub(r"\n\n(?= {4})", "\n\n\b\n", inspect.cleandoc(docstring))


def _interrupted(arguments: Mapping[str, Any]) -> str:
    """Message after Ctrl-C: how to continue, if the run was begun."""
    config = Path(arguments.get("out", "")) / "config.json"
    if "resume" not in arguments or not config.is_file():
        return "interrupted"
    name = json.loads(config.read_text(encoding="utf-8"))["command"]
    again = command(*name.split(), "--config", config, "--resume")
    return f"interrupted; go on with\n  {again}"


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
