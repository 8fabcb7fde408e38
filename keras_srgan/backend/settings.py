"""Keras's settings of a whole session, as our networks need them, and put back afterwards."""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def keras_settings(policy: str | None = None) -> Iterator[None]:
    """Has what is built inside take images as `(N, H, W, C)`, whatever the session's `image_data_format` is.

    Also a decorator.

    Args:
        policy: the dtype policy of what is built inside, with `floatx` float32; `None`: the session's.
    """
    layout, before, floatx = keras.config.image_data_format(), keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_image_data_format("channels_last")
    if policy:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_image_data_format(layout)
        if policy:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(before)
