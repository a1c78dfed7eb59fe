"""TFDS builder of simulated shot gathers and the velocity models they come from.

TFDS imports this file under a name of its own, which no worker knows: whatever workers
need is imported from the package.
"""

import os
import tempfile
from typing import Any

import keras
import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from etils import epath

from keras_seismic.datasets.simulated import SimulatedPairs
from keras_seismic.datasets.tfds.configurations import CONFIGURATIONS
from keras_seismic.datasets.tfds.generation import SimulatedSplit
from keras_seismic.datasets.tfds.records import CHECKSUMS, CanonicalExampleWriter, write_checksums
from keras_seismic.files import check_room

_DESCRIPTION = """
Shot gathers simulated from random velocity models of ten geological families.

The families are named after OpenFWI's and follow what is known of them; they are not
OpenFWI's models, and scores on them are not scores on OpenFWI. The experiment is
OpenFWI's (see the homepage, which is theirs): 5 shots, 70 receivers and 1000 samples of
1 ms over 70 x 70 cells of 10 m.
Nothing is downloaded: pair number index of a split is made from the family, the
acquisition, the seed and the index alone.
"""

_CITATION = """
@software{keras_seismic,
  title = {keras\\_seismic: seismic networks in Keras},
  author = {{The keras\\_seismic developers}},
}
@inproceedings{deng2022openfwi,
  title = {{OpenFWI}: Large-scale multi-structural benchmark datasets for full waveform inversion},
  author = {Deng, Chengyuan and others},
  booktitle = {NeurIPS Datasets and Benchmarks},
  year = {2022},
}
"""


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds the data set ``simulated_velocity``, alone or on an Apache Beam cluster.

    Without Beam options, the pairs are simulated one after another in this process; with
    them (``--beam_pipeline_options=...``), as a Beam pipeline. The data are the same, and for
    the same number of files, so are the bytes of the files. Finished shards of pairs are kept
    beside the data set until it is complete, so that a repeated build continues where an
    interrupted one stopped.

    Raises:
        ValueError: If the folder holds a data set of the same name with other parameters.
    """

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "Ten families, two boundaries, three sizes.",
        "2.0.0": "Revised rules of the ten families, closer to OpenFWI's.",
    }
    BUILDER_CONFIGS = CONFIGURATIONS

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        stored = self.info.metadata.get("digest")
        if stored != self.builder_config.digest:
            raise ValueError(
                f"{self.data_dir}: holds pairs of other parameters than {self.builder_config.name} "
                f"stands for now (digest {stored}, expected {self.builder_config.digest}); give "
                "the configuration another name, or remove the folder"
            )

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        tensor = tfds.features.Tensor
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            homepage="https://openfwi-lanl.github.io",
            citation=_CITATION,
            features=tfds.features.FeaturesDict(
                {
                    "index": tfds.features.Scalar(np.int64, doc="Number of the pair."),
                    # As bytes: nothing to parse. zlib would make the files a third smaller and
                    # cost 5 ms per pair at every reading, more than a network waits for.
                    "shot_gather": tensor(
                        shape=config.acquisition.gather_shape,
                        dtype=np.float32,
                        encoding="bytes",
                        doc="Pressure (time, receivers, shots).",
                    ),
                    "velocity": tensor(
                        shape=(*config.shape, 1),
                        dtype=np.float32,
                        encoding="bytes",
                        doc="P-wave velocity (depth, width, 1) in m/s.",
                    ),
                }
            ),
            supervised_keys=("shot_gather", "velocity"),
            metadata=tfds.core.MetadataDict(
                parameters=config.parameters,
                digest=config.digest,
                backend=keras.backend.backend(),
            ),
        )

    def download_and_prepare(self, **kwargs: Any) -> None:
        """Build the data set unless it exists already.

        Args:
            **kwargs: See ``tfds.core.DatasetBuilder.download_and_prepare``.

        Raises:
            OSError: If the disk has too little room.
        """
        super().download_and_prepare(**kwargs)
        if not (self.data_path / CHECKSUMS).exists():
            write_checksums(self.data_path)
        self._unfinished(self.data_path.parent).rmtree(missing_ok=True)

    def _download_and_prepare(self, dl_manager: Any, download_config: Any) -> None:
        self._on_beam = (download_config.beam_options, download_config.beam_runner) != (None, None)
        if self._on_beam:
            download_config.beam_options = _without_prism(download_config.beam_options)
        config, most = self.builder_config, download_config.max_examples_per_split
        self._counts = {
            name: count if most is None else min(count, most)
            for name, count in config.splits.items()
        }
        folder = self.data_path.parent
        for leftover in sorted(folder.glob("incomplete.*")):
            if leftover != self.data_path:
                logging.warning("%s: left by an interrupted build; it may be removed", leftover)
        if "://" not in str(folder):
            # Shards and records are on the disk together.
            needed = 2 * config.pair_bytes * sum(self._counts.values())
            check_room(folder, needed, f"pairs of {config.name}")
        super()._download_and_prepare(dl_manager, download_config)

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {name: self._generate_examples(name) for name in self._counts}

    def _generate_examples(self, name: str) -> Any:
        config, folder = self.builder_config, str(self._unfinished(self.data_path.parent))
        if "://" in folder:  # shards are kept on local disks only
            folder = os.path.join(tempfile.gettempdir(), os.path.basename(folder))
        pairs = SimulatedPairs(
            config.family,
            self._counts[name],
            config.acquisition,
            config.split_seed(name),
            folder,
            config.shape,
        )
        split = SimulatedSplit(pairs)
        return split.collection() if self._on_beam else split.all_examples()

    def _example_writer(self) -> CanonicalExampleWriter:
        return CanonicalExampleWriter(file_format=self.info.file_format)

    def _unfinished(self, folder: epath.Path) -> epath.Path:
        return folder / f"unfinished-{self.builder_config.digest[:16]}"


def _without_prism(options: Any) -> Any:
    """Beam options under which DirectRunner is Beam's own.

    It would otherwise download and run a program of another language (Prism), which knows
    nothing of ``direct_num_workers``. This pipeline has no triggers for the option to concern.
    """
    from apache_beam.options.pipeline_options import PipelineOptions, TypeOptions

    options = options or PipelineOptions()
    options.view_as(TypeOptions).allow_unsafe_triggers = True
    return options
