"""Devices and hosts by `tf.distribute`."""

import contextlib
import os
from functools import cached_property

from keras_srgan.backend.replicas import Replicas
from keras_srgan.backend.signals import left_to_python


class TensorFlowReplicas(Replicas):
    """`MirroredStrategy` on one host, `MultiWorkerMirroredStrategy` on several."""

    def start(self) -> None:
        # Read at TensorFlow's first function: where XLA compiles pieces of a step (`Step.compile`), it does so on CPUs
        # too, and before the first step, which else would round otherwise than the next.
        pieces = "--tf_xla_cpu_global_jit --tf_xla_enable_lazy_compilation=false"
        os.environ["TF_XLA_FLAGS"] = f"{os.environ.get('TF_XLA_FLAGS', '')} {pieces}".strip()
        import tensorflow as tf

        errors = tf.errors
        self.raised = (errors.UnavailableError, errors.AbortedError, errors.CancelledError)
        self.raised += (errors.DeadlineExceededError, errors.InternalError)
        self.raised += (errors.FailedPreconditionError, errors.UnknownError)
        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            gpus = self._choose(gpus, "GPU")
            tf.config.set_visible_devices(gpus, "GPU")
        elif self.devices not in ("1", "all"):
            cpu = tf.config.list_physical_devices("CPU")[0]
            parts = [tf.config.LogicalDeviceConfiguration() for _ in range(int(self.devices))]
            tf.config.set_logical_device_configuration(cpu, parts)
        if self.hosts > 1:
            with left_to_python():
                self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
        else:
            kind = "GPU" if gpus else "CPU"
            names = [f"/{kind}:{i}" for i in range(len(tf.config.list_logical_devices(kind)))]
            self.strategy = tf.distribute.MirroredStrategy(names)
        self.here = self.strategy.num_replicas_in_sync // self.hosts

    def building(self):
        return self.strategy.scope() if self.count > 1 else contextlib.nullcontext()

    def feed(self, batches, batch: int):
        if self.count == 1:
            return batches
        # Each device takes the next `batch / count` rows.
        return self.strategy.distribute_datasets_from_function(lambda _: batches.rebatch(batch // self.count))

    def _all_numbers(self, number: int) -> list[int]:
        if self.hosts == 1:
            return [number]
        found = self.strategy.experimental_local_results(self._gather(float(number)))[0]
        return [round(each / self.here) for each in found.numpy()]

    @cached_property
    def _gather(self):
        import tensorflow as tf

        def one(number):
            mine = number * tf.one_hot(self.host, self.hosts, dtype="float64")
            return tf.distribute.get_replica_context().all_reduce("SUM", mine)

        def everywhere(number):
            return self.strategy.run(one, args=(number,))

        return tf.function(everywhere, input_signature=[tf.TensorSpec((), "float64")])
