"""ONNX Runtime for browsers: files of an npm package, which a wheel cannot depend on."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

VERSION = "1.30.0"

#: Files of the package's folder ``dist`` and their SHA-256. No other bytes are accepted.
FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": (
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}

_PACK = ["npm", "pack", f"onnxruntime-web@{VERSION}"]
_SECONDS = 300  # for a download of 33 MB


def runtime_files(path: str | os.PathLike[str] | None = None) -> dict[str, bytes]:
    """The files of onnxruntime-web that a page needs, by name.

    Args:
        path: What ``npm pack`` wrote, or a folder in which that is unpacked or installed; by
            default, npm is asked for it.

    Raises:
        FileNotFoundError: If there is nothing at the path, or files are missing there.
        RuntimeError: If there is no path and npm is missing or fails.
        ValueError: If the files are of another version or were changed.
    """
    if path is not None:
        return _read(Path(path))
    where = f"run\n  {' '.join(_PACK)}\nwhere npm and a network are, and pass its file as runtime"
    if not shutil.which("npm"):
        raise RuntimeError(
            "export_web: the page needs onnxruntime-web, which comes from npm, and npm is not "
            f"installed; {where}"
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(
                [*_PACK, "--prefer-offline"],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
            )
        except (subprocess.SubprocessError, OSError) as error:
            reason = " ".join((getattr(error, "stderr", None) or str(error)).split())[-300:]
            raise RuntimeError(
                f"export_web: npm could not get onnxruntime-web ({reason}); {where}"
            ) from error
        return _read(Path(folder, f"onnxruntime-web-{VERSION}.tgz"))


def _read(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        below = Path("node_modules", "onnxruntime-web", "dist")
        places = [path, path / "dist", path / "package" / "dist", path / below]
        found = next((p for p in places if (p / next(iter(FILES))).is_file()), path)
        return _checked(path, lambda name: (found / name).read_bytes())
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file or folder with onnxruntime-web")
    try:
        with tarfile.open(path) as archive:
            return _checked(path, lambda name: _member(archive, name))
    except tarfile.TarError as error:
        raise ValueError(
            f"{path}: expected what {' '.join(_PACK)} writes, received something else ({error})"
        ) from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    try:
        file = archive.extractfile(f"package/dist/{name}")
    except KeyError as error:
        raise FileNotFoundError(name) from error
    if file is None:
        raise FileNotFoundError(name)
    with file:
        return file.read()


def _checked(path: Path, read: Callable[[str], bytes]) -> dict[str, bytes]:
    files = {}
    for name, digest in FILES.items():
        try:
            files[name] = read(name)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{path}: expected onnxruntime-web {VERSION}, as {' '.join(_PACK)} writes it, but "
                f"dist/{name} is not there"
            ) from error
        received = hashlib.sha256(files[name]).hexdigest()
        if received != digest:
            raise ValueError(
                f"{path}: expected {name} of onnxruntime-web {VERSION} (SHA-256 {digest[:16]}...), "
                f"received other bytes ({received[:16]}...); get it with {' '.join(_PACK)}"
            )
    return files
