"""Figures of training."""

from typing import TYPE_CHECKING

from keras_seismic.visualization.style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_history(history: dict[str, list[float]], title: str = "") -> "Figure":
    """Loss and metrics by epoch, for training and validation.

    Args:
        history: Columns of ``history.csv``, or ``History.history`` of Keras.
        title: Heading of the figure.
    """
    names = [n for n in history if not n.startswith("val_") and n not in ("epoch", "learning_rate")]
    columns = min(len(names), 4)
    rows = -(-len(names) // columns)
    figure = new_figure(4.4 * columns, 3.4 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in panels[len(names) :]:
        unused.remove()
    for panel, name in zip(panels, names, strict=False):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in history:
                values = history[key]
                panel.plot(range(1, len(values) + 1), values, marker=".", label=label)
        panel.set(xlabel="epoch", title=name)
        panel.xaxis.get_major_locator().set_params(integer=True)
        if min(history[name]) > 0:
            panel.set_yscale("log")
            panel.yaxis.set_major_formatter("{x:g}")
            panel.yaxis.set_minor_formatter("{x:g}")
        panel.grid(alpha=0.3)
        panel.legend()
    figure.suptitle(title)
    return figure
