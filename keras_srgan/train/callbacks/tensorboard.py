"""TensorBoard events by TensorBoard's own writer, which needs no TensorFlow."""

import time
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np


class Events:
    """Writes scalars and pictures for TensorBoard.

    Args:
        folder: where the file of events goes.
    """

    def __init__(self, folder: Path):
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.writer = EventFileWriter(str(folder))

    def write(self, step: int, scalars: Mapping[str, float], pictures: Mapping[str, np.ndarray]) -> None:
        """Adds what belongs to a step.

        Args:
            step: integer.
            scalars: numbers by name.
            pictures: uint8 arrays `(H, W, 3)`, RGB, by name.
        """
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
        for name, picture in pictures.items():
            png = cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
            height, width = picture.shape[:2]
            image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
            values.append(Summary.Value(tag=name, image=image))
        self.writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))
        self.writer.flush()
