"""Devices and hosts by JAX's runtime and `keras.distribution`."""

import contextlib
import os

from keras_srgan.backend.replicas import Replicas
from keras_srgan.backend.signals import left_to_python


class JaxReplicas(Replicas):
    """`keras.distribution.DataParallel`: each device takes its rows of a batch, in one compiled step.

    Args:
        parts: integer, into how many the CPU is split where there is nothing else and one device is asked for.
    """

    def __init__(self, devices, addresses, host, parts=1):
        super().__init__(devices, addresses, host)
        self.parts = parts

    def start(self) -> None:
        import jax

        self.raised = (jax.errors.JaxRuntimeError,)
        parts = self.parts if self.devices in ("1", "all") else int(self.devices)
        if parts > 1:
            # Read when JAX looks for its devices; counts where there is no accelerator.
            flag = f"--xla_force_host_platform_device_count={parts}"
            os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
        if self.hosts > 1:
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
            with left_to_python():
                jax.distributed.initialize(self.addresses[0], self.hosts, self.host)
        if self.parts > 1 and jax.default_backend() == "cpu":
            self.devices = "all"
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

    def lost(self, error):
        return super().lost(error) or "Gloo" in str(error)  # JAX 0.10 raises some as ValueError

    def _all_numbers(self, number: int) -> list[int]:
        if self.hosts == 1:
            return [number]
        import numpy as np
        from jax.experimental import multihost_utils

        return [int(each) for each in multihost_utils.process_allgather(np.int32(number))]
