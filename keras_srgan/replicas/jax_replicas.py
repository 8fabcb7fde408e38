"""Devices and hosts by JAX's runtime and `keras.distribution`."""

import contextlib
import os

from keras_srgan.replicas.base import Replicas


class JaxReplicas(Replicas):
    """`keras.distribution.DataParallel`: the compiled step is that of one device, on a batch that is spread out."""

    def start(self) -> None:
        import jax

        self.lost = (jax.errors.JaxRuntimeError,)
        if self.devices not in ("1", "all"):
            # Read when JAX looks for its devices; counts where there is no accelerator.
            parts = f"--xla_force_host_platform_device_count={self.devices}"
            os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {parts}".strip()
        if self.hosts > 1:
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
            jax.distributed.initialize(self.addresses[0], self.hosts, self.host)
        local = self._choose(jax.local_devices(), "device")
        self.here = len(local)
        self.chosen = [f"{device.platform}:{device.id}" for device in jax.devices()]
        if self.hosts == 1:
            self.chosen = self.chosen[: self.here]
        elif len(self.chosen) != self.count:
            raise ValueError(f"--devices {self.devices}: with several hosts, give all, or hide the others from JAX")

    def building(self):
        import keras

        if self.count == 1:
            return contextlib.nullcontext()
        return keras.distribution.DataParallel(devices=self.chosen, auto_shard_dataset=False).scope()

    running = building

    @contextlib.contextmanager
    def apart(self):
        import keras

        shared = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(shared)

    def _all_numbers(self, number: int) -> list[int]:
        if self.hosts == 1:
            return [number]
        import numpy as np
        from jax.experimental import multihost_utils

        return [int(each) for each in multihost_utils.process_allgather(np.int32(number))]
