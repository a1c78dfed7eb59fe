"""The order of the gallery: as a newcomer would read it."""

from pathlib import Path

#: Examples that are not in the list follow by name.
ORDER = (
    "plot_shot_gathers.py",
    "plot_geology.py",
    "plot_labels.py",
    "plot_inversion_net.py",
    "plot_waveform_inversion.py",
    "plot_uncertainty.py",
    "plot_denoiser.py",
    "plot_classical_denoising.py",
    "plot_noise.py",
    "plot_segy.py",
    "plot_field_line.py",
    "plot_deconvolution.py",
    "plot_convergence.py",
    "plot_onnx.py",
)


class Order:
    """Sort key of sphinx-gallery."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, path):
        name = Path(path).name
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)

    def __repr__(self):
        return "<Order>"
