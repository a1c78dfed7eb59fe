"""VelocityGAN: an inversion network trained against a critic of velocity models (WGAN-GP)."""

import importlib
from collections.abc import Sequence
from typing import Any, Self

import keras

from keras_seismic.checks import checked_size
from keras_seismic.losses import WeightedPixelLoss
from keras_seismic.models.network import freeze_layers, frozen_layers
from keras_seismic.models.wasserstein import (
    EpochClock,
    float32_scores,
    wgan_adamw,
    with_loss_scaling,
)
from keras_seismic.types import Config, Shape, Tensor

_BACKENDS = ("tensorflow", "jax")


@keras.saving.register_keras_serializable(package="keras_seismic")
class VelocityGAN(keras.Model):
    r"""A generator from gathers to velocity, and a critic that keeps its output realistic.

    Calling, predicting and exporting use the generator; the critic only trains it. With
    normalized gathers :math:`x` and velocity :math:`y` in [-1, 1] the losses are

    .. math::
        L_G = l_1 |y - G(x)| + l_2 (y - G(x))^2 - a\, D(G(x))

        L_D = D(G(x)) - D(y) + p\,(\|\nabla D(\hat y)\|_2 - 1)^2,
        \quad \hat y = \alpha y + (1 - \alpha) G(x)

    averaged over the batch, with :math:`\alpha` uniform on [0, 1) for each sample. The critic
    learns from every batch, the generator from every fifth and from the last one of an epoch.

    It trains on the TensorFlow and JAX backends, where one step gives the same weights, and under
    any dtype policy: in float16 each optimizer scales its own loss, and in half precision the
    gradient penalty is computed in float32. On several devices (``tf.distribute.MirroredStrategy``,
    ``keras.distribution.DataParallel``) the losses are means over the whole batch, so that the
    step is that of one device, except that batch normalization (other than on JAX) normalizes
    each device's part by itself.

    Batches are ``(x, y)`` or ``(x, y, sample_weight)``. A weight of zero marks a gather
    stack without a velocity model (any ``y``, zeros for instance): it enters neither the
    pixel losses nor the real side of the critic, but the critic still scores what the
    generator predicts for it. So unlabeled gathers can take part in training; choose a
    critic without batch normalization for that.

    Args:
        generator: Network from gathers to velocity, such as ``InversionNet`` or ``FCNVMB``.
        critic: Network from velocity to scores, such as ``VelocityCritic``.
        seed: Seed of the mixing of real and generated models in the gradient penalty.

    Raises:
        ValueError: If the output of the generator does not fit the critic.

    Example:
        >>> import numpy as np
        >>> from keras_seismic.models import InversionNet, VelocityCritic
        >>> generator = InversionNet((64, 12, 2), (16, 16), filters=1)
        >>> critic = VelocityCritic((16, 16), filters=1, normalization="layer")
        >>> model = VelocityGAN(generator, critic)
        >>> model.compile(run_eagerly=True)
        >>> x, y = np.zeros((2, 64, 12, 2), "float32"), np.zeros((2, 16, 16, 1), "float32")
        >>> sorted(model.train_on_batch(x, y, return_dict=True))[:3]
        ['critic_loss', 'gradient_penalty', 'l1']

    Reference:
        Zhang, Z. et al. (2019), VelocityGAN: subsurface velocity image estimation using
        conditional adversarial networks, IEEE WACV. The losses, weights and schedule of
        the updates are those of OpenFWI's code (Deng, C. et al., 2022). Gulrajani, I. et al.
        (2017), Improved training of Wasserstein GANs.
    """

    def __init__(
        self, generator: keras.Model, critic: keras.Model, seed: int = 0, **kwargs: Any
    ) -> None:
        for name, network in (("generator", generator), ("critic", critic)):
            if len(getattr(network, "inputs", None) or ()) != 1:
                raise ValueError(
                    f"VelocityGAN: {name} must be a functional model with one input, received "
                    f"{network}"
                )
        made, judged = generator.output_shape, critic.input_shape
        if tuple(made[1:]) != tuple(judged[1:]):
            raise ValueError(
                "VelocityGAN: the critic must take what the generator makes, (depth, width, 1) "
                f"of {tuple(made[1:])}, received a critic for {tuple(judged[1:])}"
            )
        # Outside, at least float32, whatever the parts compute in: they cast their own inputs.
        output = keras.backend.result_type(generator.outputs[0].dtype, "float32")
        super().__init__(**{**kwargs, "dtype": output})
        self.generator, self.critic = generator, critic
        self.seed = int(seed)
        self.critic_optimizer: Any = None
        # Weights, so that saved training continues with the next mixing and update.
        self.batches_seen, self.batch_in_epoch, self.batches_in_epoch = (
            self.add_weight(
                (),
                "zeros",
                dtype="int32",
                trainable=False,
                aggregation="only_first_replica",
                name=name,
            )
            for name in ("batches_seen", "batch_in_epoch", "batches_in_epoch")
        )
        self.trackers = [
            keras.metrics.Mean(name=name)
            for name in ("l1", "l2", "critic_loss", "score_difference", "gradient_penalty")
        ]
        self.built = True

    @property
    def non_trainable_variables(self) -> list[Any]:
        variables: list[Any] = super().non_trainable_variables
        if keras.backend.backend() == "jax" and self.critic_optimizer is not None:
            # Training on JAX carries along the state of one optimizer and what is listed here.
            variables = variables + self.critic_optimizer.variables
        return variables

    @property
    def generator_optimizer(self) -> keras.optimizers.Optimizer:
        """The generator's optimizer, which callbacks know as ``optimizer``."""
        return self.optimizer

    def compile(
        self,
        generator_optimizer: Any = None,
        critic_optimizer: Any = None,
        *,
        l1: float = 100.0,
        l2: float = 100.0,
        adversarial: float = 1.0,
        gradient_penalty: float = 10.0,
        generator_every: int = 5,
        metrics: Sequence[Any] | None = None,
        run_eagerly: bool = False,
        jit_compile: bool | str = "auto",
        steps_per_execution: int = 1,
    ) -> None:
        """Set the optimizers, the weights of the losses and the schedule of the updates.

        Args:
            generator_optimizer: By default ``wgan_adamw()``.
            critic_optimizer: By default another ``wgan_adamw()``.
            l1: Weight of the generator's absolute error; 100 in OpenFWI.
            l2: Weight of its squared error; 100 in OpenFWI's code, 0 in its benchmark.
            adversarial: Weight of the critic's score in the generator's loss.
            gradient_penalty: Weight of the penalty in the critic's loss.
            generator_every: The generator learns from one batch in this many, and from the last.
            metrics: Metrics of the velocity, as in ``keras.Model.compile``.
            run_eagerly: As in ``keras.Model.compile``.
            jit_compile: As in ``keras.Model.compile``; see ``training.jit_compile``.
            steps_per_execution: As in ``keras.Model.compile``.

        Raises:
            RuntimeError: On a backend other than TensorFlow and JAX.
            ValueError: If a weight is negative, or both optimizers are the same object.
        """
        if keras.backend.backend() not in _BACKENDS:
            raise RuntimeError(
                "VelocityGAN: trains on the TensorFlow and JAX backends (KERAS_BACKEND=tensorflow "
                f"or jax), received {keras.backend.backend()}; its generator trains alone on any"
            )
        (generator_every,) = checked_size((generator_every,), 1, "VelocityGAN: generator_every")
        if not min(adversarial, gradient_penalty) >= 0:
            raise ValueError(
                "VelocityGAN: weights must not be negative, received "
                f"adversarial={adversarial}, gradient_penalty={gradient_penalty}"
            )
        optimizers = [
            wgan_adamw() if optimizer is None else keras.optimizers.get(optimizer)
            for optimizer in (generator_optimizer, critic_optimizer)
        ]
        if optimizers[0] is optimizers[1]:
            raise ValueError("VelocityGAN: generator and critic need an optimizer each")
        pixel_loss = WeightedPixelLoss(l1, l2)
        arguments = {"l1": l1, "l2": l2, "adversarial": adversarial, "metrics": metrics}
        arguments |= {"gradient_penalty": gradient_penalty, "generator_every": generator_every}
        arguments |= {"run_eagerly": run_eagerly, "jit_compile": jit_compile}
        self._compile_arguments = arguments | {"steps_per_execution": steps_per_execution}
        generator_optimizer, self.critic_optimizer = (
            with_loss_scaling(optimizer, network, weights)
            for optimizer, network, weights in (
                (optimizers[0], self.generator, l1 + l2 + adversarial),
                (optimizers[1], self.critic, 1 + gradient_penalty),
            )
        )
        super().compile(
            optimizer=generator_optimizer,
            loss=pixel_loss,
            weighted_metrics=metrics,  # samples without velocity count in no metric
            run_eagerly=run_eagerly,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
            auto_scale_loss=False,
        )
        self.optimizer.build(self.generator.trainable_variables)
        self.critic_optimizer.build(self.critic.trainable_variables)
        self.l1, self.l2, self.adversarial = float(l1), float(l2), float(adversarial)
        self.penalty_weight, self.generator_every = float(gradient_penalty), generator_every
        self.exact_critic = float32_scores(self.critic)

    @property
    def recipe(self) -> Config:
        """The weights of the losses and the schedule, to compile again with."""
        names = ("l1", "l2", "adversarial", "gradient_penalty", "generator_every")
        return {name: self._compile_arguments[name] for name in names}

    def get_compile_config(self) -> Config:
        if not self.compiled:
            return {}
        state = {
            "generator_optimizer": self.generator_optimizer,
            "critic_optimizer": self.critic_optimizer,
            "frozen_layers": [frozen_layers(network) for network in (self.generator, self.critic)],
        }
        return keras.saving.serialize_keras_object(self._compile_arguments | state)

    def compile_from_config(self, config: Config) -> None:
        # On other backends, a loaded model still predicts.
        if keras.backend.backend() in _BACKENDS:
            config = keras.saving.deserialize_keras_object(config)
            frozen = config.pop("frozen_layers", ((), ()))
            for network, names in zip((self.generator, self.critic), frozen, strict=True):
                freeze_layers(network, names)
            self.compile(**config)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        return self.generator(inputs, training=training)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.generator.compute_output_shape(input_shape)

    def fit(
        self, x: Any = None, y: Any = None, *, callbacks: Any = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """``keras.Model.fit``; pass arguments after ``y`` by name.

        If the length of an epoch is not known in advance, as with a Python generator, the
        update of the generator at the end of an epoch starts with the second epoch.
        """
        if isinstance(callbacks, keras.callbacks.Callback):
            callbacks = [callbacks]
        return super().fit(x, y, callbacks=[*(callbacks or ()), EpochClock()], **kwargs)

    def train_step(self, *arguments: Any) -> Any:
        return self._steps.train_step(self, *arguments)

    def test_step(self, *arguments: Any) -> Any:
        return self._steps.test_step(self, *arguments)

    @property
    def _steps(self) -> Any:
        """The backend's steps: TensorFlow passes them data, JAX state and data."""
        return importlib.import_module(f"{__name__}_{keras.backend.backend()}")

    def export(self, *args: Any, **kwargs: Any) -> Any:
        """Export the generator, without the critic."""
        return self.generator.export(*args, **kwargs)

    def get_config(self) -> Config:
        networks = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("generator", "critic")
        }
        return networks | {"seed": self.seed, "name": self.name, "trainable": self.trainable}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        config = dict(config)
        for name in ("generator", "critic"):
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        return cls(**config)
