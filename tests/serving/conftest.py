"""Models on a server: the real binary where it is installed, else what speaks its protos."""

import importlib.util
import shutil
import socket
import subprocess
import types

import pytest

import keras_seismic as ks

MODEL_SERVER = shutil.which("tensorflow_model_server")
LIBRARIES = ("grpc", "tensorflow_serving")

# These are collected for their doctests, and cannot be imported without the libraries.
if not all(map(importlib.util.find_spec, LIBRARIES)):
    collect_ignore = ["loopback.py", "served_core.py"]

#: Bytes of a request that the server takes.
BOUND = 2**20

SERVERS = ["loopback"] if MODEL_SERVER is None else ["loopback", "binary"]


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Folders of two versions of an inversion model and of a denoiser, and the Keras models."""
    from tests.serving import served_models

    root = tmp_path_factory.mktemp("models")
    keras_models = {number: served_models.inversion_model(seed=number) for number in (1, 2)}
    for number, model in keras_models.items():
        raw = served_models.gathers(2)
        ks.exporting.export_saved_model(model, root / "inversion", number, raw)
    denoiser = ks.models.with_physical_units(
        ks.models.ConvDenoiser(num_filters=2), ks.layers.SectionNormalization()
    )
    ks.exporting.export_saved_model(denoiser, root / "denoiser", 7)
    return types.SimpleNamespace(root=root, inversion=keras_models, denoiser=denoiser)


@pytest.fixture
def base(exported, tmp_path):
    """A copy of the models' folder that a test may damage."""
    return shutil.copytree(exported.root, tmp_path / "my models") / "inversion"


@pytest.fixture(scope="session")
def models(exported):
    """What is served: two labeled versions, and a second model."""
    labels = {"stable": 1, "canary": 2}
    return [
        ks.serving.ServedModel("inversion", exported.root / "inversion", labels=labels),
        ks.serving.ServedModel("denoiser", exported.root / "denoiser"),
    ]


@pytest.fixture(scope="session", params=SERVERS)
def server(request, models, loaded, tmp_path_factory):
    """Its gRPC address; ``rest`` is the REST address and ``core`` the inside, or None."""
    if request.param == "loopback":
        yield from loopback(loaded.copy())
    else:
        yield from binary(tmp_path_factory.mktemp("serving"), models)


def loopback(core, bound=BOUND):
    from tests.serving.loopback import GrpcServer

    server = GrpcServer(core, bound)
    yield types.SimpleNamespace(
        address=server.address, rest=None, core=core, prediction=server.prediction
    )
    server.stop()


def binary(folder, models):
    port, rest_port = free_ports(2)
    commands = ks.serving.write_configuration(
        folder, models, port, rest_port, max_message_bytes=BOUND
    )
    address = f"127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(commands.binary, stdout=log, stderr=log)
    try:
        for model in models:
            with ks.serving.Client(address, model.name) as client:
                client.wait_until_ready(60)
        yield types.SimpleNamespace(address=address, rest=f"127.0.0.1:{rest_port}", core=None)
    finally:
        process.terminate()
        process.wait(30)


def free_ports(count):
    """Ports that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.fixture
def closed_port():
    """A port that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def client(server):
    """Of the inversion model's newest version."""
    with ks.serving.Client(server.address, "inversion") as client:
        yield client


@pytest.fixture(scope="session")
def loaded(models, tmp_path_factory):
    """The inside of a server with the models, loaded once; tests take a ``copy()``."""
    for name in LIBRARIES:
        pytest.importorskip(name, reason="needs pip install 'keras_seismic[serving]'")
    from tests.serving.served_core import Core

    folder = tmp_path_factory.mktemp("loaded")
    ks.serving.write_configuration(folder, models)
    return Core(folder / "models.config")


@pytest.fixture
def own_server(loaded):
    """A stand-in of one's own, to change: its address and its core."""
    yield from loopback(loaded.copy(), 2**31 - 1)
