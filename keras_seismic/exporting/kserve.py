"""KServe: the manifest that puts an exported model into a cluster."""

import json
import os
import re
from pathlib import Path

from keras_seismic.exporting.triton import CONFIGURATION
from keras_seismic.files import placed, versions

#: KServe's rule for the names of services.
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

_MANIFEST = """\
# kubectl apply -f {file}
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
spec:
  predictor:
    model:
      modelFormat:
        name: {format}
      protocolVersion: {protocol}
      runtime: {runtime}
      storageUri: {uri}
"""


def write_kserve_manifest(
    folder: str | os.PathLike[str],
    path: str | os.PathLike[str],
    storage_uri: str,
    name: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the manifest of a KServe service for an exported model.

    What ``export_triton`` wrote runs in KServe's Triton (open inference protocol, v2), what
    ``export_saved_model`` wrote in its TensorFlow Serving (v1).

    Args:
        folder: The model's folder on this machine, with its versions.
        path: The ``.yaml`` file to write.
        storage_uri: Where that folder lies for the cluster: ``s3://bucket/models/inversion``,
            ``gs://...``, ``pvc://claim/models/inversion``. For Triton it must keep its name, and
            the folder around it, the repository, is what the service loads.
        name: The service's name, by default the folder's with ``-`` for ``_``. TensorFlow
            Serving's model gets it, too; Triton's keeps its folder's.
        overwrite: Replace an existing file.

    Returns:
        The path.

    Raises:
        FileExistsError: If the path exists and ``overwrite`` is false.
        FileNotFoundError: If the folder holds no exported version.
        ValueError: If the name or the URI is not one that KServe takes.

    Example:
        >>> write_kserve_manifest(
        ...     "models/inversion", "inversion.yaml", "s3://seismic/models/inversion"
        ... )  # doctest: +SKIP
        PosixPath('inversion.yaml')
    """
    folder, path = Path(folder), Path(path)
    name = folder.absolute().name.lower().replace("_", "-") if name is None else name
    if not _NAME.fullmatch(name):
        raise ValueError(
            "write_kserve_manifest: a service's name begins with a small letter and has small "
            f"letters, digits and dashes, received {name!r}; choose a name"
        )
    uri = storage_uri.rstrip("/")
    if not re.fullmatch(r"[a-z][a-z0-9]*://[^/\s]+(/\S*)?", uri):
        raise ValueError(
            "write_kserve_manifest: expected a storage_uri such as s3://bucket/models/inversion, "
            f"received {storage_uri!r}"
        )
    kept = [folder / str(number) for number in versions(folder)]
    if (folder / CONFIGURATION).is_file() and any((v / "model.onnx").is_file() for v in kept):
        repository, _, last = uri.rpartition("/")
        if last != folder.absolute().name or repository.endswith("/"):
            raise ValueError(
                "write_kserve_manifest: Triton loads a model by its folder's name; expected a "
                f"storage_uri that ends in a repository's /{folder.absolute().name}, received "
                f"{storage_uri!r}"
            )
        answers = {"format": "onnx", "protocol": "v2", "runtime": "kserve-tritonserver"}
        uri = repository
    elif any((version / "saved_model.pb").is_file() for version in kept):
        answers = {"format": "tensorflow", "protocol": "v1", "runtime": "kserve-tensorflow-serving"}
    else:
        raise FileNotFoundError(
            f"{folder}: expected a model's folder with a version, by export triton or export "
            f"saved-model; there are {', '.join(p.name for p in kept) or 'none'}"
        )
    text = _MANIFEST.format(file=path.name, name=name, uri=json.dumps(uri), **answers)
    with placed(path, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
