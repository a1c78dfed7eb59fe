"""One run of benchmarks.accuracy, in a process of its own.

    python -m benchmarks._accuracy_run ARGUMENTS

The arguments are JSON; the answer is the last line, ``answer`` and JSON. PyTorch is imported before
TensorFlow, and only where it trains.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

SEED = 77  # of the simulation: nothing else in the package uses these pairs


class Learner(Protocol):
    """A network of either framework, on normalized arrays, channels last."""

    def step(self, x: np.ndarray, y: np.ndarray, rate: float) -> None: ...

    def predict(self, x: np.ndarray) -> np.ndarray: ...


class Ours:
    """The package's recommended network by its recipe."""

    def __init__(self, given: dict[str, Any], pairs: Any) -> None:
        from examples.demo import RECIPES, compiled

        self.network, self.preparation = compiled(given["network"], pairs, given["seed"])
        self.batch_size = RECIPES[given["network"]].batch_size
        self.learning_rate = RECIPES[given["network"]].learning_rate
        self.parameters = self.network.count_params()

    def step(self, x: np.ndarray, y: np.ndarray, rate: float) -> None:
        self.network.optimizer.learning_rate = rate
        self.network.train_on_batch(x, y)

    def predict(self, x: np.ndarray) -> np.ndarray:
        import keras_seismic as ks

        # The averages of the weights, as at the end of fit
        self.network.optimizer.finalize_variable_values(self.network.trainable_variables)
        return ks.inference.predict(ks.models.in_float32(self.network), x)


class Peer:
    """OpenFWI's InversionNet and optimizer in PyTorch, in the quickest of its forms."""

    def __init__(self, given: dict[str, Any], pairs: Any) -> None:
        import torch

        from benchmarks._torch_networks import inversion_net

        torch.manual_seed(given["seed"])
        compiled, self.bfloat16 = "compiled" in given["form"], "bfloat16" in given["form"]
        self.plain = inversion_net(given["filters"]).to(memory_format=torch.channels_last)
        self.network = torch.compile(self.plain, dynamic=False) if compiled else self.plain
        self.batch_size, self.learning_rate = given["batch_size"], given["learning_rate"]
        self.preparation = pairs.input_normalization
        self.squared = given["loss"] == "L1 + L2"
        self.optimizer = torch.optim.AdamW(
            self.plain.parameters(), self.learning_rate, weight_decay=1e-4, fused=True
        )
        self.parameters = sum(p.numel() for p in self.plain.parameters())

    def step(self, x: np.ndarray, y: np.ndarray, rate: float) -> None:
        import torch

        given, target = _channels_first(x), _channels_first(y)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            found = self.network(given)
        difference = found.float() - target
        loss = difference.abs().mean()
        if self.squared:
            loss = loss + difference.square().mean()
        loss.backward()
        self.optimizer.step()

    def predict(self, x: np.ndarray) -> np.ndarray:
        import torch

        self.plain.eval()
        with torch.inference_mode():
            parts = [
                self.plain(_channels_first(x[i : i + 16])).numpy() for i in range(0, len(x), 16)
            ]
        return np.moveaxis(np.concatenate(parts), 1, -1)


def _channels_first(x: np.ndarray) -> Any:
    """A tensor (n, channels, ...) in PyTorch's channels-last layout: no copy."""
    import torch

    return torch.from_numpy(x).permute(0, 3, 1, 2)


def batches(count: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Numbers of examples without end, a new order in every epoch, all batches of one size."""
    rng = np.random.default_rng(seed)
    size = min(size, count)
    while True:
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]


def train(learner: Any, x: np.ndarray, y: np.ndarray, given: dict[str, Any]) -> dict[str, float]:
    """Train for the seconds; steps count, getting batches does not, nor does the first step.

    In the first one, programs are traced and compiled.
    """
    import keras_seismic as ks

    seconds = given["seconds"]
    budget = ks.training.TimeBudget(seconds, learner.learning_rate)
    numbers = batches(len(x), learner.batch_size, given["seed"])
    first = next(numbers)
    learner.step(x[first], y[first], budget.rate(0))
    used, steps, cpu, said = 0.0, 0, time.process_time(), 0.0
    while used < seconds:
        chosen = next(numbers)
        examples = x[chosen], y[chosen]
        start = time.perf_counter()
        learner.step(*examples, budget.rate(used / seconds))
        used += time.perf_counter() - start
        steps += 1
        if used - said > 60:
            said = used
            print(f"  {used:.0f} s, {steps} steps", file=sys.stderr, flush=True)
    return {
        "used_s": round(used, 1),
        "processor_s": round(time.process_time() - cpu, 1),
        "steps": steps,
        "epochs": round(steps * learner.batch_size / len(x), 2),
    }


def arrays(pairs: Any, part: range, preparation: Any) -> tuple[np.ndarray, np.ndarray]:
    """What a network gets and is to answer, normalized."""
    import keras_seismic as ks

    scaling = ks.layers.VelocityScaling(1500.0, 4500.0)
    shape = preparation.compute_output_shape((None, *pairs.gather_shape))[1:]
    x = np.empty((len(part), *shape), np.float32)
    y = np.empty((len(part), *pairs.velocity_shape, 1), np.float32)
    for start in range(0, len(part), 50):
        rows = slice(start, start + 50)
        gathers, velocity = pairs[list(part[rows])]
        x[rows], y[rows] = preparation(gathers), scaling.inverse(velocity)
    return x, y


def simulated(given: dict[str, Any]) -> Any:
    """The pairs of a family; the last are held out."""
    import keras_seismic as ks

    return ks.datasets.SimulatedPairs(
        given["family"],
        given["pairs"] + given["held_out"],
        ks.simulation.Acquisition.openfwi(),
        SEED,
        given["cache_dir"],
    ).prepare()


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Train and score. Settings are tuned on the last pairs to learn from instead."""
    import keras_seismic as ks

    pairs, count = simulated(given), given["pairs"]
    learner = (Peer if given["network"] == "InversionNet" else Ours)(given, pairs)
    learning, scoring = range(count), range(count, len(pairs))
    if given["kind"] == "tune":
        learning, scoring = range(count - given["held_out"] // 2), range(count)
        scoring = scoring[len(learning) :]
    spent = train(learner, *arrays(pairs, learning, learner.preparation), given)
    x, y = arrays(pairs, scoring, learner.preparation)
    scaling = ks.layers.VelocityScaling(1500.0, 4500.0)
    answers = (np.asarray(scaling(values)) for values in (y, learner.predict(x)))
    return spent | {"parameters": learner.parameters} | ks.evaluation.score_velocity(*answers)


def form(given: dict[str, Any]) -> dict[str, float]:
    """Seconds of a step of the peer by form, medians of three."""
    import keras_seismic as ks

    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (given["batch_size"], 1000, 70, 5)).astype(np.float32)
    y = rng.uniform(-1, 1, (given["batch_size"], 70, 70, 1)).astype(np.float32)
    pairs = ks.datasets.SimulatedPairs(given["family"], 1, ks.simulation.Acquisition.openfwi())
    found = {}
    for name in given["forms"]:
        peer, seconds = Peer(given | {"form": name}, pairs), []
        peer.step(x, y, 1e-4)
        for _ in range(3):
            start = time.perf_counter()
            peer.step(x, y, 1e-4)
            seconds.append(time.perf_counter() - start)
        found[name] = sorted(seconds)[1]
    return found


def main() -> None:
    given = json.loads(sys.argv[1])
    if given["network"] == "InversionNet":
        import torch
        import torch._dynamo  # brings another LLVM, which crashes after TensorFlow's

        torch.set_num_threads(given["threads"])
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(given["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(given["threads"])
    answer = form(given) if given["kind"] == "form" else run(given)
    print("answer " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
