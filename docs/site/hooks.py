"""What the site has beyond docs/: the reference, the tutorial that is a script, the files that pages link to."""

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "site")]

import reference  # noqa: E402

LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")
SCRIPT = "tutorials/srgan_in_keras.py"


def place(path: str) -> str:
    """Where a file of the repository lies in the site: docs/ is its root, README.md its first page."""
    return "index.md" if path == "README.md" else path.removeprefix("docs/")


def origin(uri: str) -> str:
    """The file of the repository that a page of the site is."""
    return f"docs/{uri}" if (ROOT / "docs" / uri).is_file() else uri


def target(uri: str, link: str) -> str:
    """The file of the repository that a page's link names."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(origin(uri)), link))


def page_of_script(code: str) -> str:
    """A script whose strings on their own are prose, as a page."""
    parts = re.split(r'^"""\n?(.*?)"""$', code, flags=re.DOTALL | re.MULTILINE)
    texts = [f"```python\n{part.strip()}\n```" if n % 2 == 0 else part.strip() for n, part in enumerate(parts)]
    return "\n\n".join(text for text, part in zip(texts, parts, strict=True) if part.strip()) + "\n"


def on_files(files, config):
    made = {
        "reference/commands.md": reference.commands(),
        "reference/python.md": reference.python(),
        SCRIPT.replace(".py", ".md"): page_of_script((ROOT / "docs" / SCRIPT).read_text(encoding="utf-8")),
    }
    for uri, text in made.items():
        files.append(File.generated(config, uri, content=text))
    pages = [file.src_uri for file in files.documentation_pages() if file.src_uri not in made]
    while pages:
        uri = pages.pop()
        for _, link, _ in LINK.findall((ROOT / origin(uri)).read_text(encoding="utf-8")):
            path = target(uri, link)
            if (ROOT / path).is_file() and not files.get_file_from_path(place(path)):
                files.append(File.generated(config, place(path), abs_src_path=str(ROOT / path)))
                pages += [place(path)] if path.endswith(".md") else []
    return files


def on_page_markdown(markdown, page, config, files):
    uri = page.file.src_uri

    def moved(match):
        path = target(uri, match[2])
        if not (ROOT / path).is_file():
            return match[0]  # a page that is made here; MkDocs says so if there is none
        if path == f"docs/{SCRIPT}":
            path = path.replace(".py", ".md")
        return match[1] + posixpath.relpath(place(path), posixpath.dirname(uri) or ".") + match[3]

    return LINK.sub(moved, markdown)
