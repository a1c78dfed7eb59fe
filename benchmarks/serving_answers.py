"""Two thousand requests of which one in ten is answered with something malformed.

    python -m benchmarks.serving_answers

A server that speaks TensorFlow Serving's protocol, in a process of its own, takes gathers of
OpenFWI's size and answers with a velocity that the gather decides. Every tenth answer is spoilt
in one of the ways of tests/serving/malformed.py in turn: NaN, no numbers, another type, shape,
name, model and so on. Sixteen threads share a client. Right answers must come back as they are,
malformed ones raise a ServingError. Threads, open sockets and memory of the client's process are
counted after 100 requests and after all of them. Writes benchmarks/results/serving_answers.json.
"""

import argparse
import multiprocessing
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import keras_seismic as ks
from benchmarks._report import report

GATHER, VELOCITY = (1000, 70, 5), (70, 70, 1)
ONE_IN, THREADS, WARM = 10, 16, 100


class Core:
    """A model whose answer is the gather's first sample everywhere, as m/s."""

    def predict(self, spec, inputs):
        first = inputs["shot_gather"][:, :1, :1, :1]
        return 1, {"velocity": np.tile(1500 + first, (1, *VELOCITY)).astype(np.float32)}

    def metadata(self, spec):
        import tensorflow as tf
        from tensorflow_serving.apis import get_model_metadata_pb2

        signatures = get_model_metadata_pb2.SignatureDefMap()
        signature = signatures.signature_def["serving_default"]
        for infos, name, shape in (
            (signature.inputs, "shot_gather", GATHER),
            (signature.outputs, "velocity", VELOCITY),
        ):
            infos[name].dtype = tf.float32.as_datatype_enum
            infos[name].tensor_shape.CopyFrom(tf.TensorShape([None, *shape]).as_proto())
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = 1
        response.metadata["signature_def"].Pack(signatures)
        return response


def serve(connection: Connection) -> None:
    """Answer until told to end; then tell how often each kind of answer was given."""
    from tests.serving.loopback import GrpcServer
    from tests.serving.malformed import MALFORMED, spoilt

    server, names = GrpcServer(Core()), list(MALFORMED)
    given: Counter[str] = Counter()
    lock, state = threading.Lock(), SimpleNamespace(requests=0)

    def spoil(response):
        with lock:
            number, state.requests = state.requests, state.requests + 1
            name = names[number // ONE_IN % len(names)] if number % ONE_IN == 0 else ""
            given[name or "right"] += 1
        return spoilt(name, response) if name else response

    server.prediction.spoil = spoil
    connection.send(server.address)
    connection.recv()
    server.stop()
    connection.send(given)


def resources() -> dict[str, float]:
    """Of this process."""
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    targets = [os.readlink(link) for link in links if os.path.lexists(link)]
    status = Path("/proc/self/status").read_text().splitlines()
    (memory,) = (int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return {
        "threads": len(os.listdir("/proc/self/task")),
        "sockets": sum(target.startswith("socket:") for target in targets),
        "MB": round(memory / 1000),
    }


def ask(client: ks.serving.Client, requests: range) -> Counter[str]:
    """The outcomes of requests by sixteen threads."""
    outcomes: Counter[str] = Counter()
    lock = threading.Lock()

    def one(number: int) -> None:
        gather = np.zeros((1, *GATHER), np.float32)
        gather[0, 0, 0, 0] = number
        try:
            velocity = client.invert(gather)
            right = np.full((1, *VELOCITY), 1500 + number, np.float32)
            outcome = "right" if np.array_equal(velocity, right) else "WRONG"
        except ks.serving.ServingError as error:
            outcome = type(error).__name__
        with lock:
            outcomes[outcome] += 1

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, requests))  # raises what a thread raised
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=2000)
    count = parser.parse_args().requests
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    with ks.serving.Client(ours.recv(), "inversion", retries=0) as client:
        outcomes = ask(client, range(WARM))
        before, start = resources(), time.perf_counter()
        outcomes += ask(client, range(WARM, count))
        seconds, after = time.perf_counter() - start, resources()
    ours.send(None)
    given = ours.recv()
    process.join()
    malformed = sum(given.values()) - given["right"]
    assert outcomes == Counter(right=given["right"], ServerError=malformed), (outcomes, given)
    rows = [
        ["answers: right, malformed", f"{given['right']}, {malformed}"],
        ["returned: right, anything else", f"{outcomes['right']}, {outcomes['WRONG']}"],
        ["refused by ServerError", outcomes["ServerError"]],
        ["kinds of malformed answers", len(given) - 1],
        ["requests per second", f"{(count - WARM) / seconds:.0f}"],
        *(
            [f"{what} after {WARM} and after {count}", f"{before[what]}, {after[what]}"]
            for what in before
        ),
    ]
    report(
        "serving_answers",
        {"given": given, "outcomes": outcomes, "before": before, "after": after,
         "seconds": seconds},
        ("requests", str(count)),
        rows,
        ("keras_seismic", "grpcio", "tensorflow-serving-api"),
    )  # fmt: skip


if __name__ == "__main__":
    main()
