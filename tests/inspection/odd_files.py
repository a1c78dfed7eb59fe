"""MATLAB files of version 7.3 to inspect."""

import h5py


def hdf5(path, arrays, matlab=True):
    """An HDF5 file as MATLAB writes them: axes reversed behind a block of its own."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = array.T if matlab else array
    if matlab:
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path
