"""Where the office runs a virus scanner, no file is kept that it didn't look at. The scanner here speaks clamd's own
protocol over a real socket; only its signatures are one word."""

import io
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from jobs import doctor
from records import pictures, scanner
from staff import files
from tests.bot.web.conftest import Browser
from tests.bot.web.test_photos import send
from tests.plain import database_url, understander  # noqa: F401 - fixtures

EVIL = b"EVIL-TEST-SIGNATURE"
LARGEST = 1 << 20


class Clamd(socketserver.StreamRequestHandler):
    """zINSTREAM and zVERSION as clamd(8) describes them."""

    def handle(self) -> None:
        command = b""
        while not command.endswith(b"\0"):
            command += self.rfile.read(1)
        if command == b"zPING\0":
            self.wfile.write(b"PONG\0")
            return
        if command == b"zVERSION\0":
            self.wfile.write(b"ClamAV 1.4.2/27500/Sun Nov 22 09:00:00 2026\0")
            return
        assert command == b"zINSTREAM\0"
        data = b""
        while length := struct.unpack("!I", self.rfile.read(4))[0]:
            data += self.rfile.read(length)
            if len(data) > LARGEST:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        self.server.seen.append(len(data))  # type: ignore[attr-defined]
        self.wfile.write(b"stream: Test.Evil FOUND\0" if EVIL in data else b"stream: OK\0")


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@pytest.fixture(params=["tcp", "unix"])
def clamd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socketserver.BaseServer]:
    """A scanner on a socket of either kind, set for this process."""
    if request.param == "tcp":
        server: socketserver.BaseServer = TcpServer(("127.0.0.1", 0), Clamd)
        url = f"tcp://127.0.0.1:{server.server_address[1]}"  # type: ignore[index]
    else:
        server, url = UnixServer(str(tmp_path / "clamd.sock"), Clamd), f"unix:{tmp_path / 'clamd.sock'}"
    server.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    scanner.configure(url)
    yield server
    scanner.configure("")
    server.shutdown()
    server.server_close()


def a_picture(comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (10, 120, 40)).save(file, "JPEG", comment=comment)
    return file.getvalue()


def test_a_clean_file_passes_whole_and_an_evil_one_is_named(clamd: socketserver.BaseServer) -> None:
    large = b"x" * 300_000  # more than one piece
    scanner.check(large)
    scanner.check(b"")
    assert clamd.seen == [300_000, 0]  # type: ignore[attr-defined]
    with pytest.raises(scanner.Infected):
        scanner.check(large + EVIL)
    assert "ClamAV 1.4.2" in str(scanner.version())


def test_what_the_scanner_does_not_look_at_is_not_taken(clamd: socketserver.BaseServer) -> None:
    with pytest.raises(scanner.Away):
        scanner.check(b"x" * (LARGEST + 70_000))
    scanner.configure("tcp://127.0.0.1:9")
    for ask in (lambda: scanner.check(b"x"), scanner.version):
        with pytest.raises(scanner.Away):
            ask()


def test_without_a_scanner_nothing_is_asked() -> None:
    scanner.configure("")
    scanner.check(EVIL)
    assert scanner.version() is None


def test_pictures_and_papers_are_looked_at_as_they_came(clamd: socketserver.BaseServer, app: Flask) -> None:
    """Before the picture is drawn anew, for that is where something hides."""
    scanner.configure(_url_of(clamd))  # the application set its own, none
    assert pictures.redrawn(a_picture())
    with pytest.raises(pictures.NotAPicture, match="病毒"):
        pictures.redrawn(a_picture(EVIL))
    with app.app_context():
        assert files.keep(b"%PDF-1.7 plain", "a.pdf")[1] == "application/pdf"
        for evil, name in ((b"%PDF-1.7 " + EVIL, "a.pdf"), (a_picture(EVIL), "a.jpg")):
            with pytest.raises(files.NotAPaper, match="病毒"):
                files.keep(evil, name)
    kept = [path for path in (app.extensions["service"].settings.data_dir / "uploads").rglob("*") if path.is_file()]
    assert len(kept) == 1


def test_somebody_who_sends_a_virus_is_told_and_nothing_is_kept(clamd: socketserver.BaseServer, app: Flask) -> None:
    scanner.configure(_url_of(clamd))
    browser = Browser(app)
    answer = send(browser, a_picture(EVIL))
    assert answer.status_code == 422 and "病毒" in answer.get_json()["error"]
    clamd.shutdown()
    clamd.server_close()
    scanner.configure("tcp://127.0.0.1:9")
    answer = send(browser, a_picture())
    assert answer.status_code == 422 and "请过几分钟再发" in answer.get_json()["error"]


def test_the_doctor_says_how_the_scanner_is(clamd: socketserver.BaseServer, app: Flask) -> None:
    settings = app.extensions["service"].settings

    def told() -> doctor.Finding:
        return next(one for one in doctor._doors(settings) if "病毒" in one.what)

    scanner.configure(_url_of(clamd))
    assert told().state == "ok" and "27500" in told().what
    scanner.configure("tcp://127.0.0.1:9")
    assert told().state == "bad" and "clamd" in told().todo
    scanner.configure("")
    assert told().state == "warn" and "CLAMAV_URL" in told().todo


def _url_of(server: socketserver.BaseServer) -> str:
    address = server.server_address
    return f"unix:{address}" if isinstance(address, str) else f"tcp://127.0.0.1:{address[1]}"


def test_monitoring_sees_whether_it_answers(clamd: socketserver.BaseServer, app: Flask) -> None:
    def up() -> list[str]:
        page = app.test_client().get("/metrics").get_data(as_text=True)
        return [line for line in page.splitlines() if line.startswith('city_up{part="scanner"}')]

    scanner.configure(_url_of(clamd))
    assert up() == ['city_up{part="scanner"} 1.0']
    scanner.configure("tcp://127.0.0.1:9")
    assert up() == ['city_up{part="scanner"} 0.0']
    scanner.configure("")
    assert up() == []
