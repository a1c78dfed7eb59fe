"""Pickles as data: a reader that can build containers and numbers, and nothing else.

Python's own unpickler imports what a pickle names and calls it. This one imports nothing:
names are looked up in a table, and all others are refused. Its work is linear in the file's size,
while a few bytes can make Python's fill memory or compute forever (memo indices, nested
tuples as keys).
"""

import pickletools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO


class Global:
    """The meaning of a name in the table.

    Args:
        name: The name, for messages.
        call: Makes the value that calling the name would give; ``None`` if it may not be called.
    """

    def __init__(self, name: str, call: Callable[..., Any] | None = None) -> None:
        self.name, self.call = name, call


class Dictionary(dict[Any, Any]):
    """Stands for an ordered dictionary; attributes that a pickle gives it are dropped."""


class Namespace(dict[Any, Any]):
    """Stands for an object of named values, such as the arguments of a program."""


def read_pickle(
    file: BinaryIO, table: Mapping[tuple[str, str], Global], storage: Callable[[Any], Any]
) -> Any:
    """The content of one pickle; the file position is left after its end.

    Args:
        file: In memory (``io.BytesIO``), so that sizes that the pickle claims allocate nothing.
        table: The allowed names, by module and name.
        storage: Makes the object for a persistent identifier.

    Raises:
        ValueError: If the pickle names anything else, or is damaged.
    """
    machine = _Machine(table, storage)
    for name, argument, position in _operations(file):
        try:
            machine.step(name, argument)
        except (IndexError, KeyError, TypeError) as error:
            raise ValueError(f"a damaged pickle (byte {position}: {error!r})") from error
    if len(machine.stack) != 1:
        raise ValueError(f"a damaged pickle ({len(machine.stack)} values are left at its end)")
    return machine.stack[0]


def _operations(file: BinaryIO) -> Iterator[tuple[str, Any, int | None]]:
    try:
        for opcode, argument, position in pickletools.genops(file):
            yield opcode.name, argument, position
    except ValueError as error:
        raise ValueError(f"a damaged pickle ({error})") from error


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"} | {
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
}
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Machine:
    """The stack machine that executes pickles, with only the opcodes that data needs."""

    def __init__(
        self, table: Mapping[tuple[str, str], Global], storage: Callable[[Any], Any]
    ) -> None:
        self.table, self.storage = table, storage
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in ("PROTO", "FRAME", "STOP"):
            return
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _VALUES:
            stack.append(argument)
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            items = stack[-_TUPLES[name] :]
            del stack[-_TUPLES[name] :]
            stack.append(tuple(items))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif (method := getattr(self, f"do_{name.lower()}", None)) is not None:
            method(argument)
        else:
            raise ValueError(f"the pickle opcode {name}, which data does not need")

    def do_memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def do_mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def do_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def do_append(self, _: Any) -> None:
        self._extend([self.stack.pop()])

    def do_appends(self, _: Any) -> None:
        self._extend(self._since_mark())

    def do_setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def do_setitems(self, _: Any) -> None:
        self._update(self._since_mark())

    def do_global(self, argument: Any) -> None:
        module, name = argument.split(" ", 1)
        self.stack.append(self._named(module, name))

    def do_stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(self._named(module, name))

    def do_reduce(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Global) or function.call is None:
            raise ValueError(f"a call of {_described(function)}")
        if not isinstance(arguments, tuple):
            raise TypeError("arguments that are no tuple")
        self.stack.append(function.call(*arguments))

    # Objects are made by the same functions, whichever way a pickle asks for them.
    do_newobj = do_reduce

    def do_build(self, _: Any) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Namespace) and isinstance(state, dict):
            target.update(state)
            state.clear()  # moved, not copied: one state in many objects could fill the memory
        elif not isinstance(target, Dictionary):
            raise ValueError(f"state for {_described(target)}")

    def do_binpersid(self, _: Any) -> None:
        self.stack.append(self.storage(self.stack.pop()))

    def _named(self, module: Any, name: Any) -> Global:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise TypeError("a name that is no text")
        if (module, name) not in self.table:
            raise ValueError(f"the name {module}.{name}")
        return self.table[module, name]

    def _since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise TypeError("items for something that is no list")
        self.stack[-1].extend(items)

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise TypeError("items for something that is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Nested tuples can take forever to hash.
            if not isinstance(key, str | int):
                raise ValueError(f"a dictionary key of type {type(key).__name__}")
            target[key] = value


def _described(value: Any) -> str:
    return value.name if isinstance(value, Global) else f"a value of type {type(value).__name__}"
