"""Which arithmetic a machine is good at: bfloat16 or float32, with or without XLA.

Two rules, measured on AMD Zen 5 (AVX512_BF16) and on Intel with AMX (`docs/training.md`): bfloat16 where the processor
has instructions for it, and on a CPU with TensorFlow the library's own convolutions, not XLA's.
"""

import contextlib
import time
from pathlib import Path

from keras_srgan.recipes import Recipe

FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # of /proc/cpuinfo; the last one is ARM's
CPUINFO = Path("/proc/cpuinfo")


def processor() -> tuple[str, frozenset[str]]:
    """The processor's name and its instruction sets, as Linux tells them.

    Returns:
        A tuple `(name, flags)`: `("", frozenset())` where the system doesn't tell.
    """
    name, flags = "", frozenset[str]()
    with contextlib.suppress(OSError):
        for line in CPUINFO.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and not name:
                name = value.strip()
            if key.strip() in ("flags", "Features") and not flags:
                flags = frozenset(value.split())
    return name, flags


def accelerator() -> bool:
    """Whether Keras's backend computes on something else than the CPU."""
    import keras

    return any(not device.startswith("cpu") for device in keras.distribution.list_devices())


def native_bfloat16() -> bool:
    """Whether the device that Keras computes on has bfloat16 instructions; elsewhere it is emulated, slowly.

    Example:

    >>> native_bfloat16() in (True, False)
    True
    """
    import keras

    if not accelerator():
        return bool(FLAGS & processor()[1])
    if keras.backend.backend() == "jax":
        import jax

        found = [getattr(device, "compute_capability", "8.0") for device in jax.devices()]
    else:
        import tensorflow as tf

        details = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
        found = [".".join(map(str, each.get("compute_capability", (8, 0)))) for each in details]
    return all(float(each) >= 8 for each in found)  # NVIDIA's Ampere


def settle(recipe: Recipe) -> Recipe:
    """Decides what a recipe leaves to the machine: its `precision` and `xla`.

    The run's record holds the answer, so that a resumed run keeps it; a recipe that is settled stays as it is.

    Args:
        recipe: `Recipe`.

    Returns:
        A recipe with both set. On a CPU JAX computes in float32: all it has there is XLA, which gained nothing from
        bfloat16 when TensorFlow used it. Neither was tried on JAX itself.
    """
    import keras

    jax, fast = keras.backend.backend() == "jax", accelerator()
    if recipe.precision == "auto":
        chosen = "mixed_bfloat16" if native_bfloat16() and (fast or not jax) else "float32"
        recipe = recipe.replace(precision=chosen)
    return recipe.replace(xla=fast or jax) if recipe.xla is None else recipe


def matrix_rate(size: int = 1536, dtype: str = "float32", rounds: int = 3) -> float:
    """Operations per second of a square matrix product here.

    Args:
        size: integer, the side of the matrices.
        dtype: `"float32"` or `"bfloat16"`.
        rounds: integer, how many products are timed.
    """
    import keras
    import numpy as np

    a = keras.ops.cast(np.random.default_rng(0).random((size, size), dtype="float32"), dtype)
    product = keras.ops.matmul(a, a)
    float(product[0, 0])
    started = time.perf_counter()
    for _ in range(rounds):
        product = keras.ops.matmul(a, a)
    float(product[0, 0])  # waits for them all
    return rounds * 2 * size**3 / (time.perf_counter() - started)


def precision_note(precision: str) -> str:
    """One line where a processor emulates the precision asked for or can't be trusted with it, else nothing."""
    import keras

    if "bfloat16" not in precision:
        return ""
    if keras.backend.backend() == "jax" and not accelerator():
        return "JAX on a CPU: XLA's bfloat16 has given NaN there (unet-gan, JAX 0.11.2); --precision float32 has not"
    if native_bfloat16():
        return ""
    slower = matrix_rate(768) / matrix_rate(768, "bfloat16")
    return f"bfloat16 is emulated on this processor: a matrix product takes {slower:.1f} times as long as in float32"


def describe_machine(device: str, size: int = 2048) -> str:
    """The lines that every benchmark prints: processor, instruction sets, versions, matrix rates.

    Args:
        device: what `start_quietly` found.
        size: integer, the side of the matrices.
    """
    import importlib

    import keras

    name, flags = processor()
    shown = ", ".join(sorted(flag for flag in flags if flag in ("avx2", "avx512f", "fma") or "bf16" in flag))
    backend = keras.backend.backend()
    versions = f"Keras {keras.__version__}, {backend} {importlib.import_module(backend).__version__}"
    rates = ", ".join(f"{dtype} {matrix_rate(size, dtype) / 1e9:.0f}" for dtype in ("float32", "bfloat16"))
    return f"{name or 'processor not known'} ({shown}); {device}; {versions}\nmatrix product, GFLOP/s: {rates}"
