"""DICOMweb: find and fetch instances (QIDO-RS, WADO-RS) and store new ones (STOW-RS)."""

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pydicom
import requests
from dicomweb_client.web import DICOMwebClient

from keras_srgan.files import write_atomically
from keras_srgan.pacs.credentials import check_url, credentials
from keras_srgan.pacs.tls import Tls

TIMEOUT = (20, 300)  # seconds: to connect, between two bytes
PAUSES = (2.0, 5.0)  # seconds before a question is asked again
PAGE = 200  # instances asked for at a time
DUPLICATE = 0x0111  # a failure reason: the server has the instance
# HTTP status codes that are about the object and not about the moment or the configuration.
REFUSALS, BUSY = (400, 409, 413, 415, 422), (408, 425, 429)


class Refused(ValueError):
    """The destination won't have this object, however often it is sent."""


class Unreachable(OSError):
    """The destination can't be had now, or not yet."""


class Misdirected(Unreachable):
    """There is a server, and it knows neither us nor what we ask for."""


class Address(NamedTuple):
    """Where an instance is found."""

    study: str
    series: str
    instance: str


class _Session(requests.Session):
    """Answers of bounded size; certificates as given, whatever the environment says."""

    def __init__(self, max_bytes: int, tls: Tls):
        super().__init__()
        self._max_bytes, self._verify = max_bytes, str(tls.authorities) if tls.authorities else True
        if tls.certificate is not None:
            self.cert = (str(tls.certificate), str(tls.key)) if tls.key else str(tls.certificate)

    def send(self, request, **options):
        if self._verify is not True:
            options["verify"] = self._verify
        response = super().send(request, **{**options, "stream": True})
        content = bytearray()
        for chunk in response.iter_content(2**20):
            content += chunk
            if len(content) > self._max_bytes:
                response.close()
                raise ValueError(f"an answer of more than {self._max_bytes} bytes; raise --max-mb")
        response._content = bytes(content)
        return response


class DicomWeb:
    """A DICOMweb server, as a source and as a destination.

    Args:
        url: its address, without `/studies`.
        tls: certificates for https.
        max_bytes: the largest answer taken.
        from_environment: as for `credentials`.

    Raises:
        ValueError: as `check_url` and `credentials` say, or for certificates that can't be read.
    """

    def __init__(self, url: str, tls: Tls, max_bytes: int = 2**29, from_environment: bool = True):
        self.name = check_url(url)
        tls.client()  # says what is wrong with the files
        session = _Session(max_bytes, tls)
        session.auth = credentials(self.name, from_environment)
        self._client = DICOMwebClient(self.name, session=session, timeout=TIMEOUT, permissive_uid=True)
        self._client.set_http_retry_params(retry=False)

    def search(self, study: str, series: str | None = None) -> Iterator[Address]:
        """The instances of a study or of one of its series.

        Raises:
            Unreachable: if the server doesn't answer as it should.
        """
        # Without a series in the request some servers leave it out of the answer.
        wanted = [series] if series else self._series(study)
        for each in wanted:
            find = functools.partial(self._client.search_for_instances, study, each)
            for found in self._pages(find):
                yield Address(study, each, _value(found, "00080018"))

    def _series(self, study: str) -> list[str]:
        find = functools.partial(self._client.search_for_series, study)
        return [_value(found, "0020000E") for found in self._pages(find)]

    def _pages(self, find: Callable) -> Iterator[dict]:
        """The results page by page, each once, whether or not the server knows pages."""
        seen: set[str] = set()
        while True:
            page = self._try(lambda: find(limit=PAGE, offset=len(seen)))  # noqa: B023
            new = [each for each in page if str(each) not in seen]
            seen.update(str(each) for each in new)
            yield from new
            if not new or len(page) < PAGE:
                return

    def retrieve(self, address: Address, path: Path) -> Path:
        """Fetches an instance as the server has it.

        Args:
            address: where it is.
            path: the file to write.

        Returns:
            The path.

        Raises:
            Unreachable: if the server doesn't answer as it should.
        """
        dataset = self._try(lambda: self._client.retrieve_instance(*address))
        return write_atomically(path, lambda temporary: dataset.save_as(temporary, enforce_file_format=True))

    def send(self, files: list[Path]) -> None:
        """Stores files, one request each.

        Raises:
            Refused: if the server won't have one of them.
            Unreachable: if it can't be reached, or says that it can't now.
        """
        for file in files:
            dataset = pydicom.dcmread(file)
            answer = self._ask(lambda: self._store(dataset))  # noqa: B023
            for each in answer.get("FailedSOPSequence") or []:
                why = int(each.get("FailureReason") or 0)
                if why != DUPLICATE:
                    kind = Unreachable if 0xA700 <= why <= 0xA7FF else Refused
                    raise kind(f"the server refused it with {why:#06x}")

    def _store(self, dataset: pydicom.Dataset) -> pydicom.Dataset:
        """The server's answer, also where it comes as an error that says which instances failed."""
        try:
            return self._client.store_instances([dataset], str(dataset.StudyInstanceUID))
        except requests.HTTPError as error:
            response = error.response
            if (
                response is None
                or response.status_code != 409
                or "json" not in response.headers.get("Content-Type", "")
            ):
                raise
            answer = pydicom.Dataset.from_json(response.text)
            if "FailedSOPSequence" not in answer:
                raise
            return answer

    def close(self) -> None:
        """Lets go of the connections."""
        self._client._session.close()

    def _try(self, request: Callable):
        """An answer, asked for up to three times."""
        for pause in PAUSES:
            try:
                return self._ask(request)
            except Unreachable as error:
                if isinstance(error, Misdirected):
                    raise
                time.sleep(pause)
        return self._ask(request)

    def _ask(self, request: Callable):
        try:
            return request()
        except requests.HTTPError as error:
            assert error.response is not None
            code = error.response.status_code
            note = "; check the credentials" if code in (401, 403) else ""
            kind = (
                Refused if code in REFUSALS else Misdirected if 400 <= code < 500 and code not in BUSY else Unreachable
            )
            raise kind(f"the server answered HTTP {code}{note}") from None
        except requests.exceptions.SSLError:
            raise Unreachable("TLS: the server's certificate or ours isn't trusted") from None
        except requests.RequestException as error:
            raise Unreachable(f"no answer ({type(error).__name__})") from None


def _value(found: dict, tag: str) -> str:
    try:
        return str(found[tag]["Value"][0])
    except (KeyError, IndexError, TypeError):
        raise Unreachable(f"an answer without ({tag[:4]},{tag[4:]})") from None
