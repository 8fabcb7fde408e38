"""What the HTML pages share: escaped text, pictures inside the file, the frame around them."""

import base64
import html
from importlib.resources import files

import cv2
import numpy as np

# The browser itself refuses everything that is not in the file: a page can't reach a network.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {script}"


def text(value: object) -> str:
    """A value as HTML text, safe in elements and in quoted attributes, whatever a file was called."""
    # A name that is no Unicode (surrogates) can't be written as UTF-8: it is shown as \udcff.
    return html.escape(str(value).encode("utf-8", "backslashreplace").decode(), quote=True)


def template(name: str) -> str:
    """A file of the package, such as `mos/judge.css`."""
    return files("keras_srgan").joinpath(name).read_text(encoding="utf-8")


def png(pixels: np.ndarray) -> bytes:
    """Encodes a uint8 picture `(H, W)` or `(H, W, 3)`, RGB, as PNG without metadata."""
    done, encoded = cv2.imencode(".png", pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1]))
    if not done:
        raise ValueError(f"a picture of shape {pixels.shape} cannot be encoded")
    return encoded.tobytes()


def data_uri(content: bytes) -> str:
    """A PNG file as a `data:` address."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def page(title: str, body: str, style: str, script: str = "") -> str:
    """Puts a self-contained page together.

    Args:
        title: text, escaped here.
        body: HTML.
        style: CSS.
        script: JavaScript, or nothing: then the page may run none.

    Returns:
        The page.
    """
    policy = POLICY.format(script="'unsafe-inline'" if script else "'none'")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}"
        + (f"<script>\n{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )
