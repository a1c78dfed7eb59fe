"""Layers: normalization in physical units and the blocks that networks are built from."""

from keras_seismic.layers.batch_normalization import BatchNormalization
from keras_seismic.layers.blocks import (
    batch_normalization,
    convolution_block,
    normalized_activation,
    resize_convolution_block,
    transposed_convolution_block,
)
from keras_seismic.layers.class_probabilities import ClassProbabilities
from keras_seismic.layers.cropping import CropLike, RegionMeans, ResizeLike
from keras_seismic.layers.dropout import ChannelDropout
from keras_seismic.layers.gather_preparation import GatherPreparation, TimeDecimation
from keras_seismic.layers.low_cut import LowCut
from keras_seismic.layers.normalization import OPENFWI_RANGES, GatherNormalization, VelocityScaling
from keras_seismic.layers.section_normalization import SectionNormalization, SectionRestoration
from keras_seismic.layers.time_to_depth import TimeToDepth
from keras_seismic.layers.twice_differentiable import (
    SampleNormalization,
    TwiceDifferentiableBatchNormalization,
)
from keras_seismic.layers.upsampling import BilinearUpsampling

__all__ = [
    "OPENFWI_RANGES",
    "BatchNormalization",
    "BilinearUpsampling",
    "ChannelDropout",
    "ClassProbabilities",
    "CropLike",
    "GatherNormalization",
    "GatherPreparation",
    "LowCut",
    "RegionMeans",
    "ResizeLike",
    "SampleNormalization",
    "SectionNormalization",
    "SectionRestoration",
    "TimeDecimation",
    "TimeToDepth",
    "TwiceDifferentiableBatchNormalization",
    "VelocityScaling",
    "batch_normalization",
    "convolution_block",
    "normalized_activation",
    "resize_convolution_block",
    "transposed_convolution_block",
]
