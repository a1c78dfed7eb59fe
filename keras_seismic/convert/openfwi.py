"""Weights of OpenFWI's published PyTorch networks."""

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_seismic.convert.torch_file import read_torch_file

#: Names of our networks' blocks, and OpenFWI's names for them.
_BLOCKS = {
    "encoder_1": "convblock1",
    "vector": "convblock8",
    "head": "deconv6",
    "score": "convblock5",
}
_STAGES = {"encoder": "convblock", "decoder": "deconv", "critic": "convblock"}

#: A key: prefixes of parallel training, the block, the name of its sequence of layers (in
#: today's code, then in older versions), the position in it, and the array.
_KEY = re.compile(
    r"(?:module\.)*(?P<block>\w+)\."
    r"(?:layers|Conv2DwithBN|Deconv2DwithBN|ResizeConv2DwithBN|Conv2DwithBN_Tanh)\."
    r"(?P<position>\d+)\."
    r"(?P<array>weight|bias|running_mean|running_var|num_batches_tracked)"
)
_SUFFIX = re.compile(r"_(?:(?:transposed_)?convolution|(batch_norm))$")

_CONVOLUTION = {"kernel": "weight", "bias": "bias"}
_BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def load_openfwi_checkpoint(
    model: keras.Model, path_or_state_dict: str | os.PathLike[str] | Mapping[str, Any]
) -> None:
    """Load the weights of an OpenFWI PyTorch checkpoint into a network.

    The network then computes what the PyTorch one computes. All key names that OpenFWI's code
    has used are understood (``.layers.``, ``.Conv2DwithBN.`` and the like, with and without
    ``module.`` before them), and files are read without PyTorch (``read_torch_file``). Either
    everything fits, or no weight is changed.

    Args:
        model: An ``InversionNet``, a ``VelocityCritic`` or a ``VelocityGAN``, which takes both.
        path_or_state_dict: A ``.pth`` file; or its contents, ``{"model": ..., "model_d": ...}``;
            or the state dictionary of one network. Arrays may be NumPy's or PyTorch's.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is unreadable or holds anything but data; if the network has
            other blocks; or if arrays are unknown, missing, of another shape or not finite, all
            of which are listed.

    Example:
        >>> import keras_seismic as ks
        >>> network = ks.models.InversionNet()
        >>> ks.convert.load_openfwi_checkpoint(network, "flatvel_a.pth")  # doctest: +SKIP

    Reference:
        Deng, C. et al. (2022), OpenFWI: large-scale multi-structural benchmark datasets for
        full waveform inversion, NeurIPS datasets and benchmarks.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"load_openfwi_checkpoint: expected a Keras model, received {type(model).__name__}"
        )
    if isinstance(path_or_state_dict, Mapping):
        source, content = "checkpoint", path_or_state_dict
    elif isinstance(path_or_state_dict, str | os.PathLike):
        source, content = os.fspath(path_or_state_dict), read_torch_file(path_or_state_dict)
    else:
        raise ValueError(
            "load_openfwi_checkpoint: expected a path, a checkpoint or a state dictionary, "
            f"received {type(path_or_state_dict).__name__}"
        )
    if not isinstance(content, Mapping):
        raise ValueError(f"{source}: expected a dictionary, received {type(content).__name__}")
    generator, critic = getattr(model, "generator", None), getattr(model, "critic", None)
    if generator is not None and critic is not None:
        parts = [(generator, "model"), (critic, "model_d")]
        if not all(key in content for _, key in parts):
            raise ValueError(
                f"{source}: expected a generator and a critic in 'model' and 'model_d', received "
                f"the keys {_listed(content)}"
            )
    else:
        is_critic = any(layer.name.startswith("critic_") for layer in model.layers)
        parts = [(model, "model_d" if is_critic else "model")]
    assignments = [
        pair
        for network, key in parts
        for pair in _assignments(network, _state(content, key, source), source)
    ]
    for variable, value in assignments:
        variable.assign(value)


def _state(content: Mapping[Any, Any], key: str, source: str) -> Mapping[Any, Any]:
    """The state dictionary of a checkpoint, or the content if it is one itself."""
    if not any(name in content for name in ("model", "model_d")):
        return content
    state = content.get(key)
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{source}: expected a state dictionary in {key!r}, received the keys "
            f"{_listed(content)}"
        )
    return state


class _Target(NamedTuple):
    """A variable, and the expected form of PyTorch's array for it."""

    variable: Any
    shape: tuple[int, ...]


def _targets(network: keras.Model) -> dict[tuple[str, str, str], _Target]:
    """Variables of the network by block, kind of layer and array, in PyTorch's terms."""
    targets = {}
    for layer in network.layers:
        if not layer.weights:
            continue
        suffix = _SUFFIX.search(layer.name)
        block = _block(layer.name[: suffix.start()]) if suffix else None
        if suffix is None or block is None:
            raise ValueError(
                f"load_openfwi_checkpoint: {type(network).__name__} {network.name!r} has a layer "
                f"{layer.name!r}, which no OpenFWI network has; expected an InversionNet, "
                "a VelocityCritic or a VelocityGAN with batch normalization"
            )
        kind = "batch norm" if suffix[1] else "convolution"
        for attribute, array in (_BATCH_NORM if suffix[1] else _CONVOLUTION).items():
            variable = getattr(layer, attribute)
            shape = tuple(variable.shape)
            # (h, w, in, out) to (out, in, h, w), and for a transposed convolution
            # (h, w, out, in) to (in, out, h, w): the same permutation.
            shape = shape if len(shape) == 1 else (shape[3], shape[2], shape[0], shape[1])
            targets[block, kind, array] = _Target(variable, shape)
    return targets


def _block(name: str) -> str | None:
    """OpenFWI's name of a block of ours, such as ``convblock2_1`` of ``encoder_2a``."""
    stage = re.fullmatch(r"(encoder|decoder|critic)_(\d)([ab])", name)
    if stage:
        return f"{_STAGES[stage[1]]}{stage[2]}_{'ab'.index(stage[3]) + 1}"
    return _BLOCKS.get(name)


def _assignments(
    network: keras.Model, state: Mapping[Any, Any], source: str
) -> list[tuple[Any, np.ndarray]]:
    """Pairs of variable and value, if everything in the state dictionary fits."""
    targets = _targets(network)
    problems: list[str] = []
    found: dict[tuple[str, str, str], str] = {}
    assignments = []
    for key, place in _recognized(state).items():
        if place is None or place not in targets:
            problems.append(f"unknown: {key}")
        elif place in found:
            problems.append(f"the same array twice: {found[place]} and {key}")
        else:
            found[place] = key
    for place, (variable, shape) in targets.items():
        block, kind, array = place
        if place not in found:
            problems.append(f"missing: {block}, {array} of the {kind}, {shape}")
            continue
        value = _numpy(state[found[place]])
        if value is None or value.shape != shape:
            received = "no array" if value is None else value.shape
            problems.append(f"{found[place]}: expected shape {shape}, received {received}")
        elif not np.isfinite(value).all():
            problems.append(f"{found[place]}: values that are not finite (NaN or infinity)")
        else:
            assignments.append((variable, value.transpose(2, 3, 1, 0) if value.ndim > 1 else value))
    if problems:
        raise ValueError(
            f"{source}: does not fit {type(network).__name__} {network.name!r}, which stays as it "
            f"was; {len(problems)} of its arrays do not agree:\n  " + "\n  ".join(problems)
        )
    return assignments


def _recognized(state: Mapping[Any, Any]) -> dict[str, tuple[str, str, str] | None]:
    """Block, kind of layer and array of each key; ``None`` for other keys.

    The kind of a layer follows from its arrays, not from its position, which differs if a
    block begins with upsampling.
    """
    matches = {key: _KEY.fullmatch(key) if isinstance(key, str) else None for key in state}
    normalizations = {
        (match["block"], match["position"])
        for key, match in matches.items()
        if match
        and (match["array"] not in ("weight", "bias") or _is_scale(match["array"], state[key]))
    }
    recognized: dict[str, tuple[str, str, str] | None] = {}
    for key, match in matches.items():
        if match and match["array"] == "num_batches_tracked":
            continue  # Keras' moving averages do not count
        if not match:
            recognized[key] = None
        else:
            normalizing = (match["block"], match["position"]) in normalizations
            kind = "batch norm" if normalizing else "convolution"
            recognized[key] = (match["block"], kind, match["array"])
    return recognized


def _is_scale(array: str, value: Any) -> bool:
    """Whether this is a batch normalization's weight, which has one axis."""
    return array == "weight" and np.ndim(value) == 1


def _numpy(value: Any) -> np.ndarray | None:
    """A float array from an array or a tensor, ``None`` for anything else."""
    if hasattr(value, "detach"):  # PyTorch's, which may have a gradient or be on a GPU
        value = value.detach().cpu().double().numpy()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return None
    return array if array.dtype.kind == "f" else None


def _listed(content: Mapping[Any, Any]) -> str:
    """The first keys of a dictionary, for a message."""
    names = [repr(key) for key in content]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
