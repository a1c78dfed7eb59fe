"""Requests that are sent again while the server is unavailable, until a deadline."""

import numbers
import random
import time
from collections.abc import Callable
from typing import TypeVar

from keras_seismic.serving.errors import TransportError

_Result = TypeVar("_Result")

#: Seconds, a day. gRPC and sockets count deadlines in integers, which much more would overflow.
LONGEST = 86400.0


def check_patience(timeout: float, retries: int) -> None:
    """Refuse seconds and numbers of retries that cannot be.

    Raises:
        ValueError: If the time is not above 0 and at most a day, or the retries are no whole
            number of 0 or more.
    """
    if not isinstance(timeout, numbers.Real) or not 0 < timeout <= LONGEST:
        raise ValueError(
            f"Client: expected timeout > 0 and at most {LONGEST:.0f} s, received {timeout!r}"
        )
    if not isinstance(retries, numbers.Integral) or retries < 0:
        raise ValueError(f"Client: expected a whole number retries >= 0, received {retries!r}")


def attempted(function: Callable[[float], _Result], deadline: float, retries: int) -> _Result:
    """What a function returns, called again while the server is unavailable and there is time.

    Args:
        function: Of the seconds that are left.
        deadline: In the time of ``time.monotonic``.
        retries: How often to call again at most, at growing intervals.

    Raises:
        TransportError: The last one, or the first that is not about availability.
    """
    delay = 0.1
    for attempt in range(retries + 1):
        try:
            return function(max(deadline - time.monotonic(), 1e-3))
        except TransportError as error:
            # Some randomness, lest many clients come back in the same moment.
            pause = delay * random.uniform(0.5, 1.0)
            late = time.monotonic() + pause > deadline
            if error.code != "UNAVAILABLE" or attempt == retries or late:
                raise
        time.sleep(pause)
        delay *= 2
    raise AssertionError("unreachable")
