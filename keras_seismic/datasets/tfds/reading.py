"""A built data set as batches that networks train on."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow_datasets as tfds

from keras_seismic.layers import GatherNormalization, GatherPreparation, VelocityScaling

if TYPE_CHECKING:
    import tensorflow as tf

_SHUFFLED_BYTES = 2**28


def normalized_dataset(
    builder: "tfds.core.DatasetBuilder",
    split: str,
    input_normalization: GatherNormalization | GatherPreparation,
    output_scaling: VelocityScaling,
    batch_size: int = 16,
    shuffle: bool = True,
    seed: int = 0,
) -> "tf.data.Dataset":
    """Normalized batches of a split as a ``tf.data.Dataset``.

    Args:
        builder: Of a data set that is built: ``tfds.builder("simulated_velocity/...")``, or
            ``tfds.builder_from_directory(folder)``, which needs no code of this package.
        split: ``"train"``, ``"validation"`` or a part, such as ``"train[:900]"``.
        input_normalization: Applied to the gathers.
        output_scaling: Its inverse is applied to the velocity.
        batch_size: Pairs a batch; the last one may be smaller.
        shuffle: Another order in every epoch: of the files, and of the pairs within 256 MB.
        seed: Decides the order.

    Returns:
        Batches of gathers ``(batch, time, receivers, shots)``, as ``input_normalization`` makes
        them, and velocity ``(batch, depth, width, 1)``.

    Raises:
        AssertionError: From TFDS, if the data set is not built.

    Example:
        >>> import contextlib, tempfile
        >>> from keras_seismic.datasets.tfds import SimulatedVelocity
        >>> builder = SimulatedVelocity(config="tiny", data_dir=tempfile.mkdtemp())
        >>> with contextlib.redirect_stdout(None):
        ...     builder.download_and_prepare()
        >>> normalization = GatherNormalization.openfwi("flatvel_a")
        >>> dataset = normalized_dataset(
        ...     builder, "train", normalization, VelocityScaling(1500, 4500), batch_size=8
        ... )
        >>> [(tuple(x.shape), tuple(y.shape)) for x, y in dataset]
        [((8, 64, 8, 2), (8, 32, 32, 1)), ((4, 64, 8, 2), (4, 32, 32, 1))]
    """
    import tensorflow as tf

    read_config = tfds.ReadConfig(shuffle_seed=seed)
    read_config.options.deterministic = True
    dataset = builder.as_dataset(
        split=split, shuffle_files=shuffle, read_config=read_config, as_supervised=True
    )
    if shuffle:
        shapes = builder.info.features.shape
        pair_bytes = 4 * sum(int(np.prod(shapes[name])) for name in ("shot_gather", "velocity"))
        buffer = max(_SHUFFLED_BYTES // pair_bytes, 2)
        count = builder.info.splits[split].num_examples
        dataset = dataset.shuffle(min(buffer, count), seed=seed, reshuffle_each_iteration=True)

    def normalized(gathers, velocity):
        return input_normalization(gathers), output_scaling.inverse(velocity)

    dataset = dataset.batch(batch_size)
    dataset = dataset.map(normalized, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return dataset.prefetch(2)
