"""Progress of long work: a bar on a terminal, occasional lines in a log."""

import sys

from tqdm import tqdm


def progress_bar(total: int, description: str, unit: str, enabled: bool = True) -> tqdm:
    """A bar on standard error, redrawn on a terminal; in a log, a line every half minute.

    Nothing appears for work that takes less than a second.

    Args:
        total: Number of items to come.
        description: What is being done.
        unit: Name of an item.
        enabled: ``False`` to stay silent.

    Example:
        >>> with progress_bar(3, "adding", "number", enabled=False) as bar:
        ...     for number in range(3):
        ...         _ = bar.update()
    """
    return tqdm(
        total=total,
        desc=description,
        unit=unit,
        disable=not enabled,
        delay=1,
        mininterval=0.2 if sys.stderr.isatty() else 30,
    )
