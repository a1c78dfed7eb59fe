"""What the server is started from: parsed by the real protos, refused before it is written."""

import subprocess

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

import keras_seismic as ks
from tests.serving.served_models import gathers

write, Model = ks.serving.write_configuration, ks.serving.ServedModel


def parsed(folder):
    config = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text = (folder / "models.config").read_text()
    return text_format.Parse(text, config.ModelServerConfig()).model_config_list.config


def test_models_config_by_the_real_proto(base, tmp_path):
    models = [
        Model("plain", base),
        Model("newest_two", base, "latest=2"),
        Model("every", base, "all"),
        Model("first", base, (1,), {"stable": 1}),
        Model("labels.only-1", base, labels={"stable": 1, "canary": 2}),
    ]
    write(tmp_path / "serving", models)
    configs = {config.name: config for config in parsed(tmp_path / "serving")}
    assert list(configs) == [model.name for model in models]
    assert {config.base_path for config in configs.values()} == {str(base.resolve())}
    assert {config.model_platform for config in configs.values()} == {"tensorflow"}
    policies = {name: config.model_version_policy for name, config in configs.items()}
    assert policies["plain"].latest.num_versions == 1
    assert policies["newest_two"].latest.num_versions == 2
    assert policies["every"].HasField("all")
    assert list(policies["first"].specific.versions) == [1]
    assert list(policies["labels.only-1"].specific.versions) == [1, 2]
    assert dict(configs["labels.only-1"].version_labels) == {"stable": 1, "canary": 2}


def composed(folder):
    """The service of a compose file, as Docker reads it: $$ is a dollar sign there."""
    yaml = pytest.importorskip("yaml", reason="needs PyYAML to read the compose file")
    text = (folder / "compose.yaml").read_text()
    assert "$" not in text.replace("$$", "")
    return yaml.safe_load(text.replace("$$", "$"))["services"]["serving"]


def test_a_path_of_any_script(base, tmp_path):
    """Every reader of it gets it as it is: protobuf, YAML and the shell."""
    strange = base.rename(base.parent / "モデル, $HOME 'it' {x} \"q\" a\\b")
    folder = tmp_path / "to $serve"
    commands = write(folder, [Model("m", strange)])
    (config,) = parsed(folder)
    assert config.base_path == str(strange.resolve())
    sources = [volume["source"] for volume in composed(folder)["volumes"]]
    assert sources == [str(folder), str(strange.resolve())]
    shown = str(commands).split("firewall:\n")[1].split("\nThen")[0]
    # The shell is the judge of quotes and line ends; printf shows what it makes of them.
    script = "printf '%s\\0' " + shown.strip()
    words = subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout
    assert tuple(words.split("\0")[:-1]) == commands.binary


def proto_of(name, fields):
    """A message type after TensorFlow Serving's definition, which its package does not hold."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{name}.proto", syntax="proto3", dependency=["google/protobuf/wrappers.proto"]
    )
    pool = descriptor_pool.DescriptorPool()
    from google.protobuf import wrappers_pb2

    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    for message, content in fields.items():
        proto = file.message_type.add(name=message)
        for number, (field, kind) in enumerate(content.items(), 1):
            options = {"type": kind} if isinstance(kind, int) else {"type": 11, "type_name": kind}
            proto.field.add(name=field, number=number, label=1, **options)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def test_batching_and_monitoring_by_their_definitions(base, tmp_path):
    integer = ".google.protobuf.Int64Value"
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    parameters = proto_of(
        "BatchingParameters", {"BatchingParameters": dict.fromkeys(names, integer)}
    )
    write(tmp_path, [Model("m", base)], batching=ks.serving.Batching(16, 0.02))
    text = (tmp_path / "batching_parameters.txt").read_text()
    proto = text_format.Parse(text, parameters())
    assert [getattr(proto, name).value for name in names[:3]] == [16, 20000, 100]
    assert not proto.HasField("num_batch_threads"), "of this machine, which may not be the server"
    monitoring = proto_of(
        "MonitoringConfig",
        {
            "PrometheusConfig": {"enable": 8, "path": 9},
            "MonitoringConfig": {"prometheus_config": ".PrometheusConfig"},
        },
    )
    text = (tmp_path / "monitoring.config").read_text()
    proto = text_format.Parse(text, monitoring()).prometheus_config
    assert (proto.enable, proto.path) == (True, "/monitoring/prometheus/metrics")


def test_the_container_is_bound_to_this_machine_and_cannot_write(base, tmp_path):
    folder = tmp_path / "serving"
    commands = write(folder, [Model("m", base, labels={"stable": 1})], 9000, 9001)
    service = composed(folder)
    assert service["image"] == ks.serving.IMAGE == "tensorflow/serving:2.21.0"
    assert service["ports"] == ["127.0.0.1:9000:8500", "127.0.0.1:9001:8501"]
    assert [volume["source"] for volume in service["volumes"]] == [str(folder), str(base.resolve())]
    for volume in service["volumes"]:
        assert volume["type"] == "bind"
        assert volume["read_only"] is True
        assert volume["source"] == volume["target"]
        assert volume["bind"] == {"create_host_path": False}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert f"docker compose --file {folder / 'compose.yaml'} up" in str(commands)


def test_the_binary_and_the_container_are_told_the_same(base, tmp_path):
    folder = tmp_path / "serving"
    commands = write(folder, [Model("m", base, labels={"stable": 1})], 9000, 9001)
    assert commands.binary[:3] == ("tensorflow_model_server", "--port=9000", "--rest_api_port=9001")
    assert composed(folder)["command"] == list(commands.binary[3:])
    for argument in (
        f"--model_config_file={folder / 'models.config'}",
        "--allow_version_labels_for_unavailable_models=true",
        f"--monitoring_config_file={folder / 'monitoring.config'}",
        "--grpc_channel_arguments=grpc.max_receive_message_length=67108864,"
        "grpc.max_send_message_length=67108864",
    ):
        assert argument in commands.binary
    assert not any("batching" in word for word in commands.binary)
    alone = write(tmp_path / "alone", [Model("m", base)], rest_port=None)
    assert "--rest_api_port=0" in alone.binary
    assert not any("monitoring" in word or "labels" in word for word in alone.binary)
    assert "8501" not in (tmp_path / "alone" / "compose.yaml").read_text()
    assert not (tmp_path / "alone" / "monitoring.config").exists()
    assert not alone.checks


def test_batching_is_for_models_of_one_shape(exported, tmp_path):
    inversion = Model("inversion", exported.root / "inversion")
    denoiser = Model("denoiser", exported.root / "denoiser")
    with pytest.raises(ValueError, match="denoiser: batching merges inputs of one shape only"):
        write(tmp_path / "serving", [inversion, denoiser], batching=ks.serving.Batching())
    assert not (tmp_path / "serving").exists()
    commands = write(tmp_path / "serving", [inversion], batching=ks.serving.Batching())
    assert "--enable_batching=true" in commands.binary
    assert (tmp_path / "serving" / "batching_parameters.txt").is_file()
    write(tmp_path / "serving", [inversion], overwrite=True)
    assert not (tmp_path / "serving" / "batching_parameters.txt").exists()


def test_nothing_is_replaced_unasked_nor_by_a_bad_configuration(base, tmp_path):
    folder = tmp_path / "serving"
    write(folder, [Model("m", base)])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(
        FileExistsError, match=r"monitoring\.config, compose\.yaml, models\.config exist"
    ):
        write(folder, [Model("m", base, (1,))])
    with pytest.raises(ValueError, match="different names"):
        write(folder, [Model("m", base), Model("m", base)], overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    write(folder, [Model("m", base, (1,))], overwrite=True)
    assert (folder / "models.config").read_bytes() != before["models.config"]
    assert set(before) == {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"port": 0}, "ports from 1"),
        ({"port": 8501}, "different ports"),
        ({"image": "tensorflow/serving"}, "with its release"),
        ({"image": "tensorflow/serving:latest-gpu"}, "with its release"),
        ({"image": "registry:5000/serving"}, "with its release"),
        ({"image": "--privileged:1"}, "with its release"),
        ({"image": "-v/:/host:1"}, "with its release"),
        ({"image": "serving:1 --privileged"}, "with its release"),
        ({"image": "serving:"}, "with its release"),
        ({"image": None}, "with its release"),
        ({"max_message_bytes": 2**31}, "max_message_bytes"),
        ({"models": []}, "one or more models"),
    ],
)
def test_arguments_that_cannot_be(exported, tmp_path, arguments, words):
    models = [Model("inversion", exported.root / "inversion")]
    with pytest.raises(ValueError, match=words):
        write(**({"folder": tmp_path / "serving", "models": models} | arguments))
    with pytest.raises(ValueError, match="size of at least 1"):
        ks.serving.Batching(0)


@pytest.mark.parametrize(
    "image",
    [
        "registry.example.org:5000/team/my__serving-gpu:2.21.0-gpu",
        f"tensorflow/serving@sha256:{'0a' * 32}",
        f"localhost/serving:1@sha256:{'0a' * 32}",
    ],
)
def test_images_that_can_be(exported, tmp_path, image):
    models = [Model("inversion", exported.root / "inversion")]
    write(tmp_path, models, image=image)
    assert composed(tmp_path)["image"] == image


def test_a_file_in_the_place_of_the_folder(exported, tmp_path):
    (tmp_path / "file").write_text("kept")
    models = [Model("inversion", exported.root / "inversion")]
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper" / "serving"):
        with pytest.raises(NotADirectoryError, match="file: is a file; expected a folder"):
            write(folder, models)
    assert (tmp_path / "file").read_text() == "kept"


def test_versions_in_a_list_are_written(exported, tmp_path):
    write(tmp_path, [Model("m", exported.root / "inversion", [2, 1], {"stable": np.int64(1)})])
    (config,) = parsed(tmp_path)
    assert list(config.model_version_policy.specific.versions) == [1, 2]
    assert dict(config.version_labels) == {"stable": 1}


def test_the_client_lines_it_prints_run(server, models, exported, tmp_path):
    """They are executed as printed, but for the address."""
    commands = write(tmp_path, models)
    lines = commands.client.replace("127.0.0.1:8500", server.address)
    names = {"shot_gather": gathers(2)}
    exec(lines, names)
    right = np.asarray(exported.inversion[1](gathers(2)))
    np.testing.assert_allclose(names["result"], right, atol=0.5)
    assert f'Client("{server.address}", "inversion", version="stable")' in lines
