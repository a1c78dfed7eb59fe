"""Run signatures of a SavedModel through TensorFlow's C API, as a model server loads them.

    python c_api_runner.py SAVED_MODEL INPUT_TENSOR INPUT.npy OUTPUT_TENSOR OUTPUT.npy [...]

Stands alone on purpose: no Keras, no TensorFlow in Python and nothing of this package is
imported, only the shared library of the TensorFlow wheel through ctypes. What runs here, runs
in a process that knows nothing but the SavedModel. The last four arguments may be repeated.
Where TensorFlow refuses, its words go to stderr, a line for each run, and the exit status is 1.
"""

import ctypes
import importlib.util
import sys
from pathlib import Path

import numpy as np

#: TF_DataType.
TYPES = {1: np.float32, 2: np.float64, 3: np.int32, 4: np.uint8, 9: np.int64, 10: np.bool_}


class Output(ctypes.Structure):
    """TF_Output: an operation and the number of its output."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


def load_library() -> ctypes.CDLL:
    """The C API, with the types of the functions that return or take more than an int."""
    (folder,) = importlib.util.find_spec("tensorflow").submodule_search_locations
    assert "tensorflow" not in sys.modules
    ctypes.CDLL(str(Path(folder) / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(Path(folder) / "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)
    pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    sizes, outputs = ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(Output)
    pointers = ctypes.POINTER(pointer)
    for name, result, arguments in (
        ("TF_NewStatus", pointer, ()),
        ("TF_NewGraph", pointer, ()),
        ("TF_NewSessionOptions", pointer, ()),
        ("TF_Message", text, (pointer,)),
        ("TF_GetCode", integer, (pointer,)),
        ("TF_LoadSessionFromSavedModel", pointer,
         (pointer, pointer, text, ctypes.POINTER(text), integer, pointer, pointer, pointer)),
        ("TF_GraphOperationByName", pointer, (pointer, text)),
        ("TF_AllocateTensor", pointer, (integer, sizes, integer, ctypes.c_size_t)),
        ("TF_TensorData", pointer, (pointer,)),
        ("TF_TensorByteSize", ctypes.c_size_t, (pointer,)),
        ("TF_TensorType", integer, (pointer,)),
        ("TF_NumDims", integer, (pointer,)),
        ("TF_Dim", ctypes.c_int64, (pointer, integer)),
        ("TF_SessionRun", None,
         (pointer, pointer, outputs, pointers, integer, outputs, pointers, integer, pointers,
          integer, pointer, pointer)),
    ):  # fmt: skip
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Refusal(Exception):
    """What TensorFlow says."""


class Session:
    """A SavedModel, loaded."""

    def __init__(self, library: ctypes.CDLL, folder: str) -> None:
        self.library = library
        self.status, self.graph = library.TF_NewStatus(), library.TF_NewGraph()
        self.session = library.TF_LoadSessionFromSavedModel(
            library.TF_NewSessionOptions(), None, folder.encode(),
            (ctypes.c_char_p * 1)(b"serve"), 1, self.graph, None, self.status,
        )  # fmt: skip
        self.check()

    def check(self) -> None:
        """Stop if the last call failed."""
        code = self.library.TF_GetCode(self.status)
        if code:
            message = self.library.TF_Message(self.status).decode(errors="replace")
            raise Refusal(f"TensorFlow refuses (code {code}): {message}")

    def output(self, tensor: str) -> Output:
        """The graph's output that a tensor's name, ``operation:index``, stands for."""
        name, _, index = tensor.partition(":")
        operation = self.library.TF_GraphOperationByName(self.graph, name.encode())
        if not operation:
            raise SystemExit(f"no operation {name!r} in the graph")
        return Output(operation, int(index or 0))

    def run(self, fed: str, array: np.ndarray, fetched: str) -> np.ndarray:
        """Feed one tensor, fetch another."""
        inputs = (Output * 1)(self.output(fed))
        outputs = (Output * 1)(self.output(fetched))
        fed_tensors = (ctypes.c_void_p * 1)(self.tensor(array))
        results = (ctypes.c_void_p * 1)()
        self.library.TF_SessionRun(
            self.session, None, inputs, fed_tensors, 1, outputs, results, 1, None, 0, None,
            self.status,
        )  # fmt: skip
        self.check()
        return self.array(results[0])

    def tensor(self, array: np.ndarray) -> int:
        """A TF_Tensor with a copy of an array."""
        (code,) = (code for code, dtype in TYPES.items() if dtype == array.dtype)
        array = np.ascontiguousarray(array)
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        tensor = self.library.TF_AllocateTensor(code, shape, array.ndim, array.nbytes)
        ctypes.memmove(self.library.TF_TensorData(tensor), array.ctypes.data, array.nbytes)
        return tensor

    def array(self, tensor: int) -> np.ndarray:
        """A copy of what is in a TF_Tensor."""
        library = self.library
        shape = [library.TF_Dim(tensor, axis) for axis in range(library.TF_NumDims(tensor))]
        dtype = TYPES[library.TF_TensorType(tensor)]
        content = ctypes.string_at(library.TF_TensorData(tensor), library.TF_TensorByteSize(tensor))
        return np.frombuffer(content, dtype).reshape(shape)


def main(arguments: list[str]) -> None:
    """Load once, run for every four arguments."""
    folder, runs = arguments[0], arguments[1:]
    if not runs or len(runs) % 4:
        raise SystemExit(__doc__)
    refused = False
    session = Session(load_library(), folder)
    for i in range(0, len(runs), 4):
        fed, source, fetched, target = runs[i : i + 4]
        try:
            result = session.run(fed, np.load(source, allow_pickle=False), fetched)
        except Refusal as refusal:
            print(refusal, file=sys.stderr)
            refused = True
            continue
        np.save(target, result, allow_pickle=False)
        print(f"{fetched}: {result.dtype} {result.shape}")
    foreign = {"keras", "tensorflow", "keras_seismic"} & set(sys.modules)
    assert not foreign, foreign
    if refused:
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
