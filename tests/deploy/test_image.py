"""The image's recipe, carried out step by step in an empty folder: a step that is missing, or a file that is left out,
fails here. (No container: the base is a fresh virtual environment, users and owners are left as they are.)"""

import fnmatch
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "deploy" / "Dockerfile"
PLACES = ("/srv", "/var/lib/city", "/usr/local/bin/city")


def steps() -> Iterator[tuple[str, str]]:
    """The recipe's instructions."""
    text = RECIPE.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def context() -> list[str]:
    """What is sent to the builder: the project's files but for those left out."""
    out = [line for line in RECIPE.with_name("Dockerfile.dockerignore").read_text().split() if not line.startswith("#")]
    there = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [
        name
        for name in there.stdout.splitlines()
        if (ROOT / name).is_file()
        and not any(
            fnmatch.fnmatch(part, pattern.removeprefix("**/"))
            for pattern in out
            for part in (name, Path(name).name, *(str(up) for up in Path(name).parents))
        )
    ]


def moved(text: str, root: Path) -> str:
    """A command whose absolute places lie in `root`."""
    for place in PLACES:
        text = text.replace(place, f"{root}{place}")
    return text


def carry_out(root: Path) -> tuple[dict[str, str], list[str]]:
    """Every step in `root`. Returns the environment and the command that the image would start with."""
    venv = root / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    (root / "stubs").mkdir()
    for name in ("useradd", "chown"):
        (root / "stubs" / name).write_text("#!/bin/sh\n")
        (root / "stubs" / name).chmod(0o755)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "SSL_", "REQUESTS_", "HTTP", "http"))
    }
    env = {"PATH": f"{root}/stubs:{venv}/bin:/usr/bin:/bin", "HOME": str(root), **kept}
    at, command = root, [""]
    for name, rest in steps():
        if name == "WORKDIR":
            at = Path(moved(rest, root))
            at.mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            env |= dict(moved(pair, root).split("=", 1) for pair in shlex.split(rest))
        elif name == "COPY":
            *sources, target = [part for part in rest.split() if not part.startswith("--")]
            copy(sources, Path(moved(target, root)) if target.startswith("/") else at / target)
        elif name == "RUN":
            done = subprocess.run(["sh", "-ec", moved(rest, root)], cwd=at, env=env, capture_output=True, text=True)
            assert done.returncode == 0, (rest, done.stderr[-2000:])
        elif name == "ENTRYPOINT":
            command = [part.strip('" ') for part in rest.strip("[]").split(",")]
        elif name == "CMD":
            command += [part.strip('" ') for part in rest.strip("[]").split(",")]
        else:
            assert name in ("FROM", "USER", "VOLUME", "EXPOSE"), name
    env["PATH"] = f"{root}/usr/local/bin:{env['PATH']}"
    env["IMAGE_MODEL"] = f"{root}/srv/model/model"
    return env, command


def copy(sources: list[str], target: Path) -> None:
    """From the context."""
    for name in context():
        for source in sources:
            if source == "." or name == source:
                to = target / name if source == "." or target.is_dir() else target
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, to)


def test_what_the_recipe_copies_is_sent_and_no_more_than_the_service_needs() -> None:
    sent = context()
    for name in (
        "requirements.txt",
        "app.py",
        "stream.py",
        "deploy/start.sh",
        "intents/taxonomy.yml",
        "records/fields.yml",
    ):
        assert name in sent
    assert not [name for name in sent if name.startswith(("tests/", "var/", ".git/", "bench/"))]
    for name, rest in steps():
        if name == "COPY":
            for source in [part for part in rest.split()[:-1] if not part.startswith("--")]:
                assert source == "." or source in sent, source


@pytest.mark.nightly
@pytest.mark.timeout(1500)
def test_the_steps_of_the_image_give_a_service_that_answers(tmp_path: Path) -> None:
    env, command = carry_out(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env |= {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}", "WORKERS": "1"}
    at = tmp_path / "srv" / "city"
    assert subprocess.run([*command[:1], "migrate"], cwd=at, env=env).returncode == 0
    running = subprocess.Popen(command, cwd=at, env=env)
    try:
        until = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                assert running.poll() is None and time.monotonic() < until, "it does not get ready"
                time.sleep(0.5)
        models = sorted(path.name for path in (tmp_path / "var/lib/city/model").iterdir() if path.is_dir())
        assert models == sorted(path.name for path in (tmp_path / "srv/model/model").iterdir() if path.is_dir())
    finally:
        running.terminate()
        assert running.wait(30) in (0, -15)
