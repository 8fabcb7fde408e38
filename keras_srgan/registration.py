"""Makes the package's layers known to Keras once Keras is there, without importing it."""

import importlib
import importlib.abc
import importlib.util
import sys

LAYERS = "keras_srgan.layers"


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Imports the layers behind the first import of Keras, so that `keras.saving.load_model` finds them by name."""

    def find_spec(self, fullname, path, target=None):
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                importlib.import_module(LAYERS)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def register_layers() -> None:
    """Registers the layers now where Keras is loaded already, else as soon as it is."""
    if "keras" in sys.modules:
        importlib.import_module(LAYERS)
    else:
        sys.meta_path.insert(0, _AfterKeras())
