"""What surrounds the page: packages, files, who may ask."""

import http.client
import json

import pytest

from keras_srgan.demo import __main__ as command
from keras_srgan.demo import packages as fetching
from keras_srgan.demo.static_site import write_site

from .conftest import serving


@pytest.fixture
def small_site(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("page")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_only_this_computers_own_page_is_answered(small_site):
    seen = []

    def action(options, body, tell):
        seen.append((options, body))
        tell({"done": 1})
        return {"ok": 1}, b"rest"

    with serving(small_site, {"open": action}) as server:
        own = f"http://127.0.0.1:{server.server_port}"
        assert ask(server, "GET", "/index.html")[0] == 200
        assert ask(server, "GET", "/index.html", Host="evil.example")[0] == 403  # a name that was pointed here
        assert ask(server, "POST", "/open", b"x", Origin="http://evil.example")[0] == 403
        assert ask(server, "POST", "/open", b"x", Origin="null")[0] == 403
        assert seen == []
        status, said = ask(server, "POST", "/open?name=a", b"body", Origin=own)
        assert status == 200 and said == b'{"done": 1}\n{"ok": 1, "rest": 4}\nrest'
        assert seen == [({"name": "a"}, b"body")]
        assert ask(server, "POST", "/other", b"")[0] == 404
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/vendor/"):
            assert ask(server, "GET", path)[0] == 404


def test_what_an_action_cannot_do_is_said_in_one_line(small_site):
    def action(options, body, tell):
        raise ValueError("no\nsuch thing")

    with serving(small_site, {"open": action}) as server:
        assert json.loads(ask(server, "POST", "/open", b"")[1]) == {"error": "no such thing"}


def test_without_npm_one_line_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KERAS_SRGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching.shutil, "which", lambda name: None)
    assert command.main(["--build", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "Node.js" in line and not (tmp_path / "out").exists()


def test_without_a_network_one_line_says_what_to_do_and_nothing_half_fetched_stays(monkeypatch, tmp_path):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network down' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("KERAS_SRGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching.shutil, "which", lambda name: str(npm))
    with pytest.raises(RuntimeError, match="network down.*connect to a network"):
        fetching.fetch_packages()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_package_that_was_changed_on_its_way_is_refused():
    from pathlib import Path

    lock = json.loads((Path(fetching.__file__).parent / "npm/package-lock.json").read_text())
    installed = [each for name, each in lock["packages"].items() if name]
    assert installed and all(each["integrity"].startswith("sha512-") for each in installed)
    wanted = json.loads((Path(fetching.__file__).parent / "npm/package.json").read_text())
    assert all(version[0].isdigit() for version in (wanted["dependencies"] | wanted["devDependencies"]).values())


def test_a_folder_with_something_else_is_left_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="something else"):
        write_site(tmp_path, ["xray-fast"], None)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


def test_a_page_is_replaced_by_the_next_and_knows_its_files(tmp_path):
    for _ in range(2):
        files = write_site(tmp_path / "page", ["xray-fast"], None)
    names = {each.name for each in files}
    assert {"index.html", "main.js", "worker.js", "sw.js", "settings.json", "example.png"} <= names
    assert "__" not in (tmp_path / "page/index.html").read_text().replace("__main__", "")
    assert [each.name for each in tmp_path.iterdir()] == ["page"]


def test_networks_that_do_not_fit_are_named():
    from keras_srgan.demo.networks import describe

    with pytest.raises(ValueError, match="covid-srgan8"):
        describe("covid-srgan8")
