"""Training on several devices of a host, and on several hosts."""

import contextlib
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Literal

import keras

#: Seconds without a sign of life after which a process counts as dead.
_HEARTBEAT = 50


@contextlib.contextmanager
def on_devices(
    strategy: Literal["mirrored", "hosts"] | None = None,
    coordinator: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    again: str = "resume=True",
) -> Iterator[None]:
    """Train what is made and fitted inside on several devices.

    ``mirrored``: all devices of this host (``tf.distribute.MirroredStrategy``). Batches are
    shared out among them; batch normalization is by device.

    ``hosts``: by several processes, with a device each, on one host or several, that run the same
    program (``keras.distribution.DataParallel``; JAX only). Each reads its share of every batch,
    and together they do what one process does with the whole batch. All must see the same run
    folder, which the first one writes.

    If a process dies, all end within a minute and say so; started again with ``resume``, they go
    on.

    Args:
        strategy: By default ``hosts`` if there is a coordinator, and else one device.
        coordinator: ``HOST:PORT`` of the first process; under Slurm it is found.
        num_processes: How many there are; under Slurm the number of tasks.
        process_id: Which one this is, from 0; under Slurm the number of the task, in an indexed
            job of Kubernetes that of the pod.
        again: What the message about a dead process says to start all with.

    Raises:
        RuntimeError: If Keras runs on another backend than the strategy needs.
        ValueError: If it is not known where the other processes are.
    """
    strategy = strategy or ("hosts" if coordinator else None)
    needed = {"mirrored": "tensorflow", "hosts": "jax"}.get(strategy or "")
    if needed not in (None, keras.backend.backend()):
        raise RuntimeError(
            f"--strategy {strategy}: needs KERAS_BACKEND={needed}, found {keras.backend.backend()}"
        )
    if strategy == "mirrored":
        import tensorflow as tf

        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        with tf.distribute.MirroredStrategy([device.name for device in devices]).scope():
            yield
    elif strategy == "hosts":
        with _joined((coordinator, num_processes, process_id), again):
            yield
    else:
        yield


@contextlib.contextmanager
def _joined(given: tuple[str | None, int | None, int | None], again: str) -> Iterator[None]:
    import jax

    if given[2] is None and given[0] and "JOB_COMPLETION_INDEX" in os.environ:
        given = (*given[:2], int(os.environ["JOB_COMPLETION_INDEX"]))
    if None in given and "SLURM_PROCID" not in os.environ:
        raise ValueError(
            "on_devices: expected coordinator, num_processes and process_id, or a job of Slurm, "
            f"received {given}"
        )
    # keras.distribution.initialize() has no heartbeat, whose 100 s are more than a minute.
    jax.distributed.initialize(*given, heartbeat_timeout_seconds=_HEARTBEAT)
    index, count = shard()
    name = f"process {index} of {count}"
    with _last_words(
        f"{name} has ended before the training was finished; if it did not fail itself, one of "
        f"the others did, see above or in its log. Start all processes again with {again}."
    ):
        try:
            yield
            wait_for_all("the end")
        except BaseException:
            # The others wait for this process, and the way JAX ends would wait for them.
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)


@contextlib.contextmanager
def _last_words(text: str) -> Iterator[None]:
    """A shell that says something if this process dies, of a signal too."""
    say = 'read -r ended || printf "error: %s\\n" "$0" >&2'
    shell = subprocess.Popen(["sh", "-c", say, text], stdin=subprocess.PIPE)
    yield
    shell.communicate(b"ended\n")


def shard() -> tuple[int, int]:
    """The number of this process, and how many train together."""
    if keras.backend.backend() != "jax":
        return 0, 1
    import jax

    return (
        (jax.process_index(), jax.process_count()) if jax.distributed.is_initialized() else (0, 1)
    )


def replicas() -> int:
    """Devices of this process among which TensorFlow shares out every batch."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def wait_for_all(what: str) -> None:
    """Wait until all processes have come here.

    Args:
        what: What they have done; the same in all.
    """
    if shard()[1] > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(what)


def distribution() -> contextlib.AbstractContextManager[Any]:
    """The scope in which the variables of a network are made for all processes."""
    if shard()[1] == 1:
        return contextlib.nullcontext()
    return keras.distribution.DataParallel(auto_shard_dataset=False).scope()
