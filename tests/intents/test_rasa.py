"""What the service may rely on when Rasa chooses the intents: in time or locally, and always counted."""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from intents import rasa, rasa_domain
from intents.nlu_files import NLU, taxonomy
from intents.understander import Bands
from intents.understanding import Entity, Understanding

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 22, 10, tzinfo=ZoneInfo("Asia/Shanghai"))


class Local:
    """The local understander's place: one answer that no Rasa in these tests gives."""

    bands = Bands.load()

    def understand(self, text: str, now: datetime) -> Understanding:
        district = (Entity("district", "海曙区", "海曙", 0, 2),)
        return Understanding(text, text, "greet", 0.5, (("greet", 0.5),), "ask", "thanks", district, True, 0.9, "local")


class Server:
    """A small HTTP server that answers /model/parse as `reply` says and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.reply: bytes = b"{}"
        self.status, self.wait, self.drip = 200, 0.0, 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append(json.loads(body)["text"])
                time.sleep(outer.wait)
                self.send_response(outer.status if self.path == "/model/parse" else 404)
                self.end_headers()
                pieces = [outer.reply] if not outer.drip else [outer.reply[i : i + 1] for i in range(len(outer.reply))]
                try:
                    for piece in pieces:
                        self.wfile.write(piece)
                        self.wfile.flush()
                        time.sleep(outer.drip)
                except OSError:
                    pass  # whoever asked has gone, as a client with a time limit does

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def says(self, *ranking: tuple[str, float]) -> None:
        entries = [{"name": name, "confidence": confidence} for name, confidence in ranking]
        self.reply = json.dumps({"intent": entries[0], "intent_ranking": entries, "entities": []}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.http.shutdown()
    started.http.server_close()


def understander(server: Server, limit: float = 1.0) -> rasa.RasaUnderstander:
    return rasa.RasaUnderstander(Local(), server.url, limit=limit)


def test_the_intent_is_rasas_and_danger_and_entities_stay_ours(server: Server) -> None:
    server.says(("permit_renewal", 0.95), ("permit_application", 0.03))
    asked = understander(server)
    understood = asked.understand("海曙的居住证到期了", NOW)
    assert (understood.intent, understood.backend) == ("permit_renewal", "rasa")
    assert understood.ranking[1] == ("permit_application", 0.03)
    assert understood.band == "answer"
    assert understood.danger and understood.entities[0].value == "海曙区"
    assert (asked.asked.answered, asked.asked.fallbacks.total()) == (1, 0)


def test_a_leading_slash_cannot_choose_the_intent(server: Server) -> None:
    server.says(("out_of_scope", 0.9))
    asked = understander(server)
    for text in ("/wage_arrears", "  ／／wage_arrears", "/ /wage_arrears"):
        asked.understand(text, NOW)
    assert server.asked == ["wage_arrears"] * 3


def test_rasa_is_asked_in_simplified_characters_and_half_width(server: Server) -> None:
    server.says(("permit_renewal", 0.9))
    understander(server).understand("居住證續簽，２０２６年", NOW)
    assert server.asked == ["居住证续签，2026年"]


def test_the_guess_behind_nlu_fallback_is_used(server: Server) -> None:
    server.says(("nlu_fallback", 0.7), ("wage_arrears", 0.28), ("work_injury", 0.2))
    understood = understander(server).understand("钱没见着", NOW)
    assert (understood.intent, understood.probability) == ("wage_arrears", 0.28)


def test_names_that_are_not_ours_are_passed_over(server: Server) -> None:
    server.says(("book_flight", 0.9), ("thanks", 0.1))
    assert understander(server).understand("谢谢", NOW).intent == "thanks"


@pytest.mark.parametrize(
    "reply",
    [b"", b"not json", b"[]", b"null", b"{}", b'{"intent": null}', b'{"intent": {"name": "greet"}}', b"\xff\xfe",
     b'{"intent": {"name": "greet", "confidence": "high"}}', b'{"intent": {"name": "greet", "confidence": 7}}'],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_understood_locally_and_counted(server: Server, reply: bytes) -> None:
    server.reply = reply
    asked = understander(server)
    assert asked.understand("你好", NOW).backend == "local"
    assert asked.asked.fallbacks == {"malformed": 1}


def test_an_error_page_is_understood_locally(server: Server) -> None:
    server.says(("greet", 1.0))
    server.status = 500
    asked = understander(server)
    assert asked.understand("你好", NOW).backend == "local"
    assert asked.asked.fallbacks == {"malformed": 1}


def test_a_slow_rasa_costs_no_more_than_its_limit_and_then_rests(server: Server) -> None:
    server.says(("permit_renewal", 0.9))
    server.wait = 3
    asked = understander(server, limit=0.3)
    start = time.monotonic()
    assert asked.understand("签注", NOW).backend == "local"
    assert time.monotonic() - start < 1
    start = time.monotonic()
    assert asked.understand("签注", NOW).backend == "local"
    assert time.monotonic() - start < 0.1
    assert asked.asked.fallbacks == {"slow": 1, "resting": 1}


def test_an_answer_that_drips_is_cut_off_in_time(server: Server) -> None:
    server.says(("permit_renewal", 0.9))
    server.drip = 0.1
    asked = understander(server, limit=0.4)
    start = time.monotonic()
    assert asked.understand("签注", NOW).backend == "local"
    assert time.monotonic() - start < 1.5
    assert asked.asked.fallbacks == {"slow": 1}


def test_no_rasa_at_all_is_understood_locally_and_asked_again_after_the_rest(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    asked = rasa.RasaUnderstander(Local(), url)
    monkeypatch.setattr(rasa, "REST", 0.2)
    assert asked.understand("你好", NOW).backend == "local"
    assert asked.asked.fallbacks == {"down": 1}
    time.sleep(0.25)
    asked.understand("你好", NOW)
    assert asked.asked.fallbacks == {"down": 2}


@pytest.mark.parametrize("text", ["", " ", "/", "///", "😀", "\ud800", "\x00", "a" * 10_000])
def test_any_text_can_be_asked(server: Server, text: str) -> None:
    server.says(("out_of_scope", 0.9))
    assert understander(server).understand(text, NOW).backend == "rasa"


def test_measuring_rasa_never_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASA_URL", "http://127.0.0.1:9")
    predict = rasa.evaluation_predict()
    with pytest.raises(ConnectionError, match="make rasa"):
        predict("你好")


def test_the_domain_file_is_what_the_taxonomy_makes() -> None:
    assert rasa_domain.DOMAIN.read_text(encoding="utf-8") == rasa_domain.domain(), "run: python -m intents.rasa_domain"
    assert yaml.safe_load(rasa_domain.domain())["intents"] == list(taxonomy())


def test_rasas_pipeline_is_the_one_we_compare_with() -> None:
    pipeline = yaml.safe_load((ROOT / "intents" / "config.yml").read_text(encoding="utf-8"))["pipeline"]
    steps = {step["name"]: step for step in pipeline}
    assert steps["DIETClassifier"]["epochs"] == 100
    assert "JiebaTokenizer" in steps
    assert (steps["CountVectorsFeaturizer"]["min_ngram"], steps["CountVectorsFeaturizer"]["max_ngram"]) == (1, 4)


def test_rasas_packages_are_pinned_exactly() -> None:
    lines = (ROOT / "requirements-rasa.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all("==" in pin for pin in pins)
    assert "rasa==3.6.21" in pins
    assert not {"jax", "jaxlib", "libclang"} & {pin.split("==")[0] for pin in pins}


HAS_RASA = (ROOT / ".venv-rasa" / "bin" / "rasa").is_file()


@pytest.fixture(scope="module")
def real_rasa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Rasa server with a model of a few lines of six intents; the real thing, only small."""
    folder = tmp_path_factory.mktemp("rasa")
    chosen = ("permit_renewal", "wage_arrears", "school_enrollment", "greet", "thanks", "out_of_scope")
    blocks = [block for name in chosen for block in yaml.safe_load((NLU / f"{name}.yml").read_text("utf-8"))["nlu"][:2]]
    (folder / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True), "utf-8")
    config = (ROOT / "intents" / "config.yml").read_text("utf-8").replace("epochs: 100", "epochs: 30")
    (folder / "config.yml").write_text(config, "utf-8")
    (folder / "domain.yml").write_text(rasa_domain.domain(), "utf-8")
    environ = os.environ | {"RASA_TELEMETRY_ENABLED": "false", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "2",
                            "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}  # fmt: skip
    program = str(ROOT / ".venv-rasa" / "bin" / "rasa")
    subprocess.run([program, "train", "nlu", "--nlu", "nlu.yml", "--config", "config.yml", "--domain", "domain.yml"],
                   cwd=folder, env=environ, check=True, capture_output=True, timeout=600)  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "run", "--enable-api", "--interface", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(180):
            try:
                with urllib.request.urlopen(url + "/status", timeout=2):
                    break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text("utf-8", "replace")[-2000:]
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(30)


if HAS_RASA:

    @pytest.mark.timeout(900)
    def test_a_real_rasa_answers(real_rasa: str) -> None:
        asked = rasa.RasaUnderstander(Local(), real_rasa, limit=10)
        assert asked.understand("你好", NOW).intent == "greet"
        assert asked.understand("老板拖欠我三个月工资不给", NOW).intent == "wage_arrears"
        assert asked.understand("/wage_arrears", NOW).probability < 1.0
        assert asked.understand("居住證快到期了怎麼簽注", NOW).backend == "rasa"
        assert asked.asked.answered == 4
