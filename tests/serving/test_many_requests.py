"""Two thousand requests from sixteen threads, one in ten of them bad."""

import functools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("grpc", reason="needs grpcio: pip install 'keras_seismic[serving]'")
pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")

import keras_seismic as ks
from tests.serving.loopback import unchecked
from tests.serving.served_models import gathers

REQUESTS, THREADS, ONE_IN = 2000, 16, 10

Refused = (
    ks.serving.InvalidInputError,
    ks.serving.SignatureNotFoundError,
    ks.serving.MessageTooLargeError,
)


def bad_request(i, good):
    """One of five ways to be wrong: inputs, signature, and the words of the refusal."""
    spoilt = good.copy()
    spoilt[0, 7, 3, 1] = np.nan
    return (
        (good[:, :-1], "serving_default", "expected shape"),
        (spoilt, "serving_default", "finite"),
        (good.astype(np.float64), "serving_default", "float but double is provided"),
        (good, "classify", "'classify'"),
        (
            np.repeat(good, 2**20 // good.nbytes + 1, axis=0),
            "openfwi",
            "larger than max|in one request",
        ),
    )[i % 5]


def test_every_good_request_is_answered_and_every_bad_one_refused(server, exported):
    raw = gathers(64, seed=5)
    right = np.asarray(exported.inversion[2](raw))
    assert right.std() > 50
    # One client checks, the other leaves it to the server and the graph.
    checking, careless = (ks.serving.Client(server.address, "inversion") for _ in range(2))
    counts = {"good": 0, "refused by the client": 0, "refused by the server": 0}
    lock = threading.Lock()

    def request(i):
        which = i % 64
        good = raw[which : which + 1]
        if i % ONE_IN:
            checks = bool(i % 2)
            received = (
                checking.predict(good)
                if checks
                else tf.make_ndarray(unchecked(careless, {"shot_gather": good})["velocity"])
            )
            np.testing.assert_allclose(received, right[which : which + 1], atol=0.5)
            outcome = "good"
        else:
            number = i // ONE_IN
            inputs, signature, words = bad_request(number, good)
            # float64 is converted by the client and not wrong then.
            checks = number % 2 == 0 and number % 5 != 2
            if checks and number % 5 == 4:
                words = "expected shape"  # of the openfwi signature; size comes later
            ask = functools.partial(checking.predict, batch_size=None)
            ask = ask if checks else functools.partial(unchecked, careless)
            with pytest.raises(Refused, match=words):
                ask({"shot_gather": inputs}, signature)
            outcome = f"refused by the {'client' if checks else 'server'}"
        with lock:
            counts[outcome] += 1

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(request, range(REQUESTS)))  # raises what a thread raised
    np.testing.assert_allclose(checking.predict(raw, batch_size=64), right, atol=0.5)
    checking.close()
    careless.close()
    assert counts["good"] == REQUESTS - REQUESTS // ONE_IN
    assert counts["refused by the server"] == 120
    assert counts["refused by the client"] == 80
