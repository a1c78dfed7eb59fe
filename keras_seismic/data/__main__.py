"""Say what a file or folder holds, and show it: the first thing to run on unknown data.

    python -m keras_seismic.data line.segy
    python -m keras_seismic.data OpenFWI/FlatVel_A --no-figure
    python -m keras_seismic.data unknown.npy --json

Prints format, shapes, units and what is odd, and what to run next; writes the figure
NAME.inspection.png into the current folder. Exit code 1 if the file cannot be read.
"""

import sys

from keras_seismic.data.inspection.program import main

if __name__ == "__main__":
    sys.exit(main(None, __doc__))
