"""Jobs in threads, in turns where their number does not divide that of the jobs."""

import collections
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from keras_seismic.backend import available_cores

Result = TypeVar("Result")


def thread_count(threads: int | None) -> int:
    """As many as asked for, or as there are cores."""
    if threads is not None and threads < 1:
        raise ValueError(f"simulate: threads must be at least 1, received {threads}")
    return threads or available_cores()


def in_threads(
    function: Callable[[Any], Generator[None, None, Result]],
    jobs: Iterable[Any],
    count: int,
    threads: int | None,
) -> list[Result]:
    """What the function's generators return, in the jobs' order.

    Threads share the last jobs, where their number does not divide that of the jobs: each goes
    on with one as far as it yields, then with another. The kernels let other threads run.

    Not Numba's own threads: the layer it takes by default ends the process when two Python
    threads enter it at once, as those of tf.data and Apache Beam do.
    """
    threads = thread_count(threads)
    results: dict[int, Result] = {}
    started = enumerate(map(function, jobs))
    alone = count - count % threads - (threads if count % threads else 0)
    shared: collections.deque[tuple[int, Generator[None, None, Result]]] = collections.deque()
    lock = threading.Lock()

    def turn(number: int, job: Generator[None, None, Result]) -> bool:
        """Whether it goes on."""
        try:
            next(job)
        except StopIteration as end:
            results[number] = end.value
            return False
        return True

    def work() -> None:
        while True:
            with lock:
                number, job = next(started, (count, None))
            if job is None:
                break
            while number < alone and turn(number, job):
                pass
            if number >= alone:
                shared.append((number, job))
        while True:
            try:
                number, job = shared.popleft()
            except IndexError:  # the others finish theirs
                return
            if turn(number, job):
                shared.append((number, job))

    if threads == 1:
        work()
    else:
        with ThreadPoolExecutor(threads) as pool:
            for future in [pool.submit(work) for _ in range(threads)]:
                future.result()
    return [results[number] for number in range(count)]
