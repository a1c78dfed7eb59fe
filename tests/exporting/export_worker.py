"""Exports the same small model again and again, in processes that may be killed.

    python export_worker.py

Each line on standard input is a folder and a largest file size in bytes (0 for any). The export
runs in a process of its own, forked after everything is imported and before TensorFlow has done
anything; its number is printed, and then how it ended.
"""

import os
import resource
import sys
import traceback

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras

import keras_seismic as ks


def small_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return ks.models.ConvDenoiser(num_filters=4)


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        folder, size = line.rsplit(" ", 1)
        process = os.fork()
        if process == 0:
            status = 1
            try:
                if int(size):
                    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
                ks.exporting.export_saved_model(small_model(), folder)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
