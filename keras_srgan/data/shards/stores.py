"""Files on disk, at a URL of `tf.io.gfile` (file://, gs://, ram://), or at any URL of `fsspec` if that is installed."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

from keras_srgan.images.headers import one_line
from keras_srgan.packages import require


class Store:
    """Reads files below a folder or URL. Keeps nothing open, so it may be shared between threads.

    Args:
        root: the folder or URL.

    Raises:
        ValueError: for a URL that nothing installed can read.
    """

    def __init__(self, root: str):
        self.root = root.rstrip("/") or "/"
        self._gfile: Any = None
        self._fsspec: Any = None
        if "://" not in root:
            return
        schemes: list[str] = []
        with contextlib.suppress(ImportError):  # JAX alone
            import tensorflow as tf

            schemes = [scheme for scheme in tf.io.gfile.get_registered_schemes() if scheme]
        if root.split("://")[0] in schemes:
            self._gfile = tf.io.gfile
            return
        known = ", ".join(f"{scheme}://" for scheme in sorted(schemes))
        others = f"TensorFlow reads {known}; any other URL" if schemes else "without TensorFlow, a URL"
        require(f"{root}: {others}", "urls", "fsspec")
        import fsspec

        try:
            self._fsspec = fsspec.core.url_to_fs(self.root)[0]
        except (ImportError, ValueError) as error:  # fsspec's own, and the package of a scheme
            raise ValueError(f"{root}: {one_line(error)}; {others} needs fsspec and its package for them") from None

    def read(self, name: str, start: int = 0, size: int | None = None) -> bytes:
        """Some bytes of a file, fewer where it ends.

        Raises:
            OSError: naming the file; `FileNotFoundError` if there is none.
        """
        path = f"{self.root}/{name}"

        def get() -> bytes:
            if self._fsspec is not None:
                return self._fsspec.cat_file(path, start, None if size is None else start + size)
            with open(path, "rb") if self._gfile is None else self._gfile.GFile(path, "rb") as file:
                file.seek(start)
                return file.read(-1 if size is None else size)

        return self._told(path, get)

    def size(self, name: str) -> int:
        """Bytes of a file. Raises as `read`."""
        path = f"{self.root}/{name}"
        if self._fsspec is not None:
            return self._told(path, lambda: self._fsspec.size(path))
        return self._told(path, lambda: self._gfile.stat(path).length if self._gfile else os.path.getsize(path))

    @staticmethod
    def _told(path: str, get: Callable[[], Any]) -> Any:
        try:
            return get()
        except OSError:
            raise
        except Exception as error:  # TensorFlow's and fsspec's own kinds
            kind = FileNotFoundError if type(error).__name__ == "NotFoundError" else OSError
            raise kind(f"{path}: {one_line(error)}") from None
