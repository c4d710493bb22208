"""Any bytes at the callback, any words to the entities, any file to the imports: an answer, never a fault or a hang."""

import io
import platform
import random
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import openpyxl
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import Engine

import clock
from bot.rooms import employer
from bot.sandbox import wire
from bot.wechat import gateway
from bot.wechat.refusal import Refused
from intents import crisis, entities
from knowledge_base import validate, yamlsafe
from records import pictures, residents, room_import, sheets

from .conftest import ROOT
from .mutation import NASTY, mutated

GUIDED = sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info < (3, 15)
"""Whether the lock installs atheris here, as `requirements-dev.in` says: only elsewhere chance may do its work."""
ALPHABET = st.text(alphabet=st.characters(codec="utf-8"), max_size=80)


def messages(app: Flask) -> list[tuple[str, bytes, str]]:
    """Well-signed beginnings in every mode: (mode, body, plain)."""
    account = app.extensions["sandbox"].account
    now = int(clock.now().timestamp())
    kinds = [
        {"MsgType": "text", "Content": "居住证丢了", "MsgId": 1}, {"MsgType": "event", "Event": "subscribe", "EventKey": ""},
        {"MsgType": "location", "Location_X": 29.8, "Location_Y": 121.5, "Scale": 16, "Label": "x", "MsgId": 2},
        {"MsgType": "event", "Event": "SCAN", "EventKey": "room_1", "Ticket": "t"}, {"MsgType": "image", "MediaId": "m", "MsgId": 3},
    ]  # fmt: skip
    made = []
    for kind in kinds:
        fields = {"ToUserName": "gh_x", "FromUserName": "o" + "f" * 27, "CreateTime": now, **kind}
        for mode in wire.MODES:
            push = wire.pack(account, fields, mode, now)
            made.append((mode, push.body, push.plain))
    return made


def knock(app: Flask, chance: random.Random, count: int) -> int:
    """`count` bodies at the gateway, signed so that they get as far as they can. Returns how many were understood."""
    settings_, account = app.extensions["service"].settings, app.extensions["sandbox"].account
    seeds, understood = messages(app), 0
    for _ in range(count):
        mode, body, plain = chance.choice(seeds)
        now = clock.now()
        sealed = None
        if mode == "plain":
            body = mutated(chance, body)
        elif chance.random() < 0.5:  # what is inside the envelope is broken, the envelope is sound
            sealed = wire.cipher.seal(
                mutated(chance, plain.encode()).decode("utf-8", "replace"), account.app_id, account.aes_key
            )
            body = wire.to_xml({"ToUserName": "gh_x", "Encrypt": sealed}).encode()
        else:
            sealed = mutated(chance, body[-200:]).decode("latin-1").translate({0: None})
            body = wire.to_xml({"ToUserName": "gh_x", "Encrypt": sealed}).encode()
        query = wire.sign_query(account, "o" + "f" * 27, sealed, int(now.timestamp()))
        args = dict(pair.split("=", 1) for pair in query.split("&"))
        try:
            understood += gateway.receive(settings_, args, body, now).inbound is not None
        except Refused:
            continue
    return understood


def listen(chance: random.Random, count: int) -> None:
    """Random and cruel texts to the entities and the danger detector."""
    now = clock.now()
    parts = (
        *NASTY,
        "下个月15号",
        "海曙区",
        "三千八百块",
        "初一",
        "半年",
        "去年国庆",
        "🈶",
        "ＡＢＣ",
        "我不想活了",
        " ",
        "\n",
        "，",
    )
    for _ in range(count):
        text = "".join(
            chance.choice(parts) if chance.random() < 0.8 else chr(chance.randrange(1, 0x2FFFF))
            for _ in range(chance.randint(1, 9))
        )
        for found in entities.extract(text, now):
            assert text[found.start : found.end] == found.text, (text, found)
        sign = crisis.detect(text)
        assert 0 <= sign.score <= 1


ROOMS = "城市,区县,街道,村社,网格,楼栋,房间,房东,房东电话,类型,面积,床位\n宁波市,海曙区,试街道,试村,1,1幢,101,张三,13800000000,民房,20,2\n"
PEOPLE = "编号,姓名,身份证号,手机号,入住日期\nNB-FH-000001,张三,990101199001011232,13800000000,2026-11-01\n"
ARTICLE = (
    "version: 1\narticles:\n- id: x-y\n  intents: [talk]\n  region: ningbo\n  title: 题\n  questions: [问]\n  answer: 答\n"
    "  sources: [{issuer: 甲, document: 乙, effective_from: 2020-01-01}]\n  next_review: 2027-01-01\n"
)


def a_book() -> bytes:
    """A sound XLSX file."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    for line in ROOMS.splitlines():
        book.active.append(line.split(","))
    book.save(file)
    return file.getvalue()


def broken_book(chance: random.Random, sound: bytes) -> bytes:
    """A sound zip file whose first sheet, or list of texts, is broken."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound)) as old, zipfile.ZipFile(made, "w") as new:
        victim = chance.choice(old.namelist())
        for name in old.namelist():
            new.writestr(name, mutated(chance, old.read(name)) if name == victim else old.read(name))
    return made.getvalue()


def read_files(chance: random.Random, folder: Path, count: int, engine: Engine) -> dict[str, int]:
    """Broken files at everything that takes one: rooms (a dry run), a firm's people, articles, photos.

    Returns how many of each came through as readable.
    """
    sound = {"rooms": ROOMS.encode(), "people": PEOPLE.encode("gb18030"), "book": a_book(), "photo": a_photo()}
    through = dict.fromkeys(("rooms", "people", "book", "articles", "photo"), 0)
    for number in range(count):
        kind = chance.choices(tuple(through), (5, 3, 1, 3, 1))[0]
        path = folder / f"{number % 4}.{'xlsx' if kind == 'book' else 'csv'}"
        try:
            if kind == "articles":
                for row in yamlsafe.parse(mutated(chance, ARTICLE.encode()).decode("utf-8", "replace"))["articles"]:
                    validate.article(row, "x.yml", {"ningbo": None})
            elif kind == "photo":
                pictures.redrawn(mutated(chance, sound["photo"]))
            elif kind == "people":
                path.write_bytes(mutated(chance, sound["people"]))
                for line in sheets.rows(path, employer.COLUMNS, ("name", "number", "room")):
                    residents.read(dict(line.cells), clock.now().date())
            else:
                seed = broken_book(chance, sound["book"]) if kind == "book" and chance.random() < 0.7 else None
                path.write_bytes(seed or mutated(chance, sound[kind]))
                room_import.load(engine, path, clock.now(), dry_run=True, bad_path=folder / "bad.csv")
            through[kind] += 1
        except (sheets.SheetError, yamlsafe.YamlFault, pictures.NotAPicture):
            continue
        except (TypeError, KeyError):  # a YAML that is no mapping of a list: the importer looks before it takes
            assert kind == "articles"
    return through


def a_photo() -> bytes:
    """A small sound picture."""
    file = io.BytesIO()
    Image.new("RGB", (24, 18), (200, 30, 30)).save(file, "JPEG")
    return file.getvalue()


def test_fifteen_thousand_broken_callbacks_are_answered(city: Flask) -> None:
    assert knock(city, random.Random(1), 15_000) > 500, "all were refused: this tries nothing beyond the door"


def test_three_thousand_odd_texts_are_read(city: Flask) -> None:
    listen(random.Random(2), 3_000)


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
def test_two_thousand_broken_files_are_refused_in_words(city: Flask, tmp_path: Path) -> None:
    through = read_files(random.Random(3), tmp_path, 2_000, city.extensions["service"].engine)
    assert all(through.values()), f"nothing gets past the door of {through}: this tries nothing behind it"


@given(
    body=st.binary(max_size=3000),
    query=st.dictionaries(
        st.sampled_from(("signature", "timestamp", "nonce", "msg_signature", "encrypt_type", "echostr", "openid")),
        ALPHABET,
    ),
)
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    database=None,
)
def test_the_callback_itself_answers_anything_with_4xx(city: Flask, body: bytes, query: dict[str, str]) -> None:
    answer = city.test_client().post(f"/wechat?{urlencode(query)}", data=body)
    assert 400 <= answer.status_code < 500 and answer.data == b""


def test_a_reply_holds_whatever_was_said(city: Flask) -> None:
    """What goes out is well formed XML, whatever is in it (wechatpy's templates broke out of CDATA)."""
    import defusedxml.ElementTree as ElementTree

    from bot.wechat import wire as ours

    chance = random.Random(4)
    for _ in range(500):
        text = "".join(chance.choice(NASTY) for _ in range(4))
        ElementTree.fromstring(ours.write_xml({"Content": ours.printable(text), "ToUserName": "x"}))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
def test_a_million(city: Flask, tmp_path: Path) -> None:
    seed = time.time_ns()
    chance, done = random.Random(seed), 0
    engine = city.extensions["service"].engine
    for what, rounds in (("callback", 50), ("files", 4), ("words", 46)):
        for _ in range(rounds):
            if what == "callback":
                knock(city, chance, 10_000)
            elif what == "files":
                read_files(chance, tmp_path, 10_000, engine)
            else:
                listen(chance, 10_000)
            done += 10_000
            print(f"seed {seed} {what}: {done} inputs without a fault", flush=True)
    assert done == 1_000_000


def searched(target: str, runs: int, folder: Path, seconds: int, *start: str) -> subprocess.CompletedProcess[str]:
    """Let a process of its own look for a fault of one target."""
    start = start or ("-m", "tests.security.coverage_fuzz")
    command = [sys.executable, "-W", "ignore", *start, target, f"-runs={runs}", f"-max_total_time={seconds}",
               "-max_len=2000", "-timeout=20", f"-artifact_prefix={folder}/", str(folder)]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds + 120)


def guided(target: str, runs: int, folder: Path, seconds: int) -> str:
    """The same by atheris, where it is installed; returns what it said."""
    run = searched(target, runs, folder, seconds)
    assert run.returncode == 0, run.stdout[-1500:] + run.stderr[-3000:]
    assert ("by chance alone" not in run.stderr) == GUIDED, run.stderr[:1000]
    return run.stderr


def test_guided_by_coverage_the_cipher_holds(tmp_path: Path) -> None:
    assert "Done 1000 runs" in guided("cipher", 1_000, tmp_path, 60)


UNGUIDED = """
import sys
sys.modules["atheris"] = None
from tests.security import coverage_fuzz
def brittle(data):
    assert data in coverage_fuzz.SEEDS["cipher"], "a fault"
if {broken}:
    coverage_fuzz.TARGETS["cipher"] = brittle
coverage_fuzz.main()
"""
"""The search as it is where atheris can't be installed; broken: of something that takes nothing but sound input."""


@pytest.mark.parametrize("broken", [False, True])
def test_without_atheris_chance_looks_for_faults_and_finds_them(tmp_path: Path, broken: bool) -> None:
    run = searched("cipher", 1_000, tmp_path, 60, "-c", UNGUIDED.format(broken=broken))
    assert "by chance alone" in run.stderr
    assert ("a fault" in run.stderr) == broken == (run.returncode != 0), run.stderr
    assert ("Done 1000 runs" in run.stderr) != broken
    assert [path.name for path in tmp_path.glob("crash-*")] == (["crash-unguided"] if broken else [])


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("target", ["callback", "cipher", "entities", "sheets", "yaml"])
def test_guided_by_coverage_nothing_breaks(tmp_path: Path, target: str) -> None:
    said = guided(target, 1_000_000, tmp_path, 300)
    print(target, said.strip().splitlines()[-1])
