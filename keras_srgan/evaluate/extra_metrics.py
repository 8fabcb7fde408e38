"""Metrics of IQA-PyTorch (`pyiqa:NAME`), where that package is installed."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from keras_srgan.packages import installed

PREFIX = "pyiqa:"


def pyiqa_metric(name: str) -> tuple[Callable[[np.ndarray, np.ndarray], float], dict[str, Any]]:
    """A metric of IQA-PyTorch.

    Args:
        name: `pyiqa:` and a name of `pyiqa.list_models()`. Some download weights when first used; these have licences
            of their own.

    Returns:
        A function of HR and SR, float32 `(1, H, W, C)` in `[0, 1]`, gray repeated to three channels; HR is not looked
        at where the metric needs none. And its entry in a table, as those of `METRICS`.

    Raises:
        ValueError: where the package is not installed, or the metric unknown or not to be had.
    """
    short = name.removeprefix(PREFIX)
    if not installed("pyiqa"):
        raise ValueError(f"metric {name} needs pyiqa: pip install pyiqa (its licence is for noncommercial use)")
    import pyiqa

    try:
        metric = pyiqa.create_metric(short)
    except Exception as error:  # it raises whatever a download does
        raise ValueError(f"metric {name}: pyiqa can't make it ({' '.join(str(error).split())[:200]})") from None
    about = {
        "label": short,
        "unit": "",
        "better": "lower" if metric.lower_better else "higher",
        "digits": 4,
    }

    def compute(hr: np.ndarray, sr: np.ndarray) -> float:
        given = (sr,) if metric.metric_mode == "NR" else (sr, hr)
        return float(metric(*(_tensor(each) for each in given)))

    return compute, about


def load_first(metrics: Iterable[str]) -> None:
    """Loads IQA-PyTorch, if a metric of it is asked for, before Keras loads TensorFlow.

    PyTorch's compiler, which it loads, ended the process when it came second (PyTorch 2.14, TensorFlow 2.21).
    """
    if any(name.startswith(PREFIX) for name in metrics) and installed("pyiqa"):
        import pyiqa  # noqa: F401


def _tensor(image: np.ndarray):
    import torch

    array = np.asarray(image)
    array = array.repeat(3, axis=3) if array.shape[3] == 1 else array
    return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2)))
