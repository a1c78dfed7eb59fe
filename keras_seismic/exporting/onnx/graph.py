"""ONNX graphs for editing, addressed by the names of their tensors."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np


class Graph:
    """A model's graph, edited node by node and written back by ``finish``.

    Args:
        model: An ``onnx.ModelProto``; it is not changed.

    Attributes:
        nodes: The nodes in the order in which they run.
        outputs: Names of the graph's outputs.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.nodes = [_copied(node) for node in model.graph.node]
        self.outputs = {value.name for value in model.graph.output}
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._arrays: dict[str, np.ndarray] = {}
        self._names = set(self._tensors) | {value.name for value in model.graph.input}
        self._names.update(name for node in self.nodes for name in node.output)
        self._index()

    def _index(self) -> None:
        self._producers = {name: node for node in self.nodes for name in node.output}

    def producer(self, name: str) -> Any:
        """The node that produces a tensor; ``None`` for inputs and constants."""
        return self._producers.get(name)

    def array(self, name: str) -> np.ndarray | None:
        """The value of a constant; None if the tensor is not constant."""
        from onnx import numpy_helper

        if name not in self._arrays and name in self._tensors:
            self._arrays[name] = numpy_helper.to_array(self._tensors[name])
        return self._arrays.get(name)

    def constant(self, value: np.ndarray, near: str) -> str:
        """Add a constant; returns its name, derived from that of a related tensor."""
        name = self.new_name(near)
        self._arrays[name] = np.ascontiguousarray(value)
        return name

    def new_name(self, near: str) -> str:
        """A free name derived from another tensor's."""
        name = next(
            n for i in range(len(self._names) + 1) if (n := f"{near}/{i}") not in self._names
        )
        self._names.add(name)
        return name

    def rename(self, names: Mapping[str, str], readers: Collection[Any] | None = None) -> None:
        """Make nodes read other tensors.

        Args:
            names: Maps a tensor to the one to read instead; if the former is an output of the
                graph, the latter takes over its name.
            readers: Only these nodes, by default all.
        """
        taken = {new: old for old, new in names.items() if old in self.outputs}
        for node in self.nodes if readers is None else readers:
            for i, name in enumerate(node.input):
                new = names.get(name, name)
                node.input[i] = taken.get(new, new)
        for new, old in taken.items():
            self._producers[old].output[:] = [f"{old}/unread"]
            maker = self._producers[new]
            maker.output[:] = [old if name == new else name for name in maker.output]
        self._index()

    def sort(self) -> None:
        """Sort the nodes so that they can run; drop those whose outputs are never read."""
        done: dict[int, object] = {}  # nodes by identity, in order
        waiting = [self._producers[name] for name in self.outputs if name in self._producers]
        while waiting:
            node = waiting[-1]
            needed = [self._producers[name] for name in _read(node) if name in self._producers]
            missing = [other for other in needed if id(other) not in done]
            if missing:
                waiting += missing
            else:
                done.setdefault(id(waiting.pop()), node)
        self.nodes = list(done.values())
        self._index()

    def finish(self) -> Any:
        """The edited model, without constants that are never read."""
        import onnx
        from onnx import numpy_helper

        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        del model.graph.node[:], model.graph.initializer[:]
        del model.graph.value_info[:]  # shapes of tensors that may no longer exist
        model.graph.node.extend(self.nodes)
        for name in {n: None for node in self.nodes for n in _read(node)} | dict.fromkeys(
            self.outputs
        ):
            if name in self._arrays:
                model.graph.initializer.append(numpy_helper.from_array(self._arrays[name], name))
            elif name in self._tensors:
                model.graph.initializer.append(self._tensors[name])
        return model


def _copied(node: Any) -> Any:
    copy = type(node)()
    copy.CopyFrom(node)
    return copy


def _read(node: Any) -> Iterator[str]:
    """Names that a node reads, including in its branches and loops."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _read(inner)


def attributes(node: Any) -> dict[str, Any]:
    """Attributes of a node as Python values."""
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}
