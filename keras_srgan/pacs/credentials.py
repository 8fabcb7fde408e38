"""Who this program is to a DICOMweb server: from the environment or a netrc file, never from the command line."""

import os
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

TOKEN, USER, PASSWORD = "KERAS_SRGAN_PACS_TOKEN", "KERAS_SRGAN_PACS_USER", "KERAS_SRGAN_PACS_PASSWORD"


class Bearer(AuthBase):
    """A token in the Authorization header."""

    def __init__(self, token: str):
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def check_url(url: str) -> str:
    """Refuses an address that is none of DICOMweb or that carries credentials.

    Args:
        url: `http://` or `https://`.

    Returns:
        The address, without a slash at its end.

    Raises:
        ValueError: if it is not such an address. The message doesn't repeat credentials.
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError(
            f"credentials in an address show in the list of processes: give {USER} and {PASSWORD}, or netrc"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no address of DICOMweb: give http(s)://HOST[:PORT]/PATH")
    return url.rstrip("/")


def credentials(url: str, from_environment: bool = True) -> AuthBase | None:
    """The credentials for a server.

    Args:
        url: its address.
        from_environment: whether those of the environment are meant for it; else those of netrc alone.

    Returns:
        What `requests` takes as `auth`, or `None`.

    Raises:
        ValueError: if they would cross a network in clear.
    """
    found: AuthBase | None = None
    token, user = os.environ.get(TOKEN), os.environ.get(USER)
    if from_environment and token:
        found = Bearer(token)
    elif from_environment and user:
        found = HTTPBasicAuth(user, os.environ.get(PASSWORD, ""))
    elif pair := requests.utils.get_netrc_auth(url):
        found = HTTPBasicAuth(*pair)
    parts = urlsplit(url)
    if found is not None and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError(f"{parts.hostname}: credentials would be readable over http; give an https address")
    return found
