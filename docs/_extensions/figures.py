"""The gallery's figures: those that a block of an example left in its variables."""

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def scrape(block, block_vars, gallery_conf):
    """Save each new ``Figure`` of the block and show it below its code.

    The package's figures belong to no window, so pyplot, where sphinx-gallery looks, knows
    nothing of them.
    """
    paths = []
    for value in list(block_vars["example_globals"].values()):
        if isinstance(value, Figure) and not getattr(value, "shown", False):
            value.shown = True
            paths.append(next(block_vars["image_path_iterator"]))
            value.savefig(paths[-1], dpi=90, facecolor="white")
    return figure_rst(paths, gallery_conf["src_dir"])
