"""Coverage-guided fuzzing: `python -m tests.security.coverage_fuzz callback|cipher|entities|sheets|yaml -runs=100000 CORPUS`.

atheris watches which branches an input takes and breeds from those that take new ones. It finds what random changes
don't; `test_fuzz.py` is for volume. One target a process, for libFuzzer ends the process itself. Where atheris can't
be installed (it has wheels for Linux on x86-64 and some versions of Python) chance alone looks, and says so.
"""

import base64
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from wechatpy.crypto import WeChatCipher

from tests.security.mutation import mutated

try:
    import atheris
except ImportError:
    atheris = None

WATCHED = {
    "callback": ["bot.wechat.wire", "bot.wechat.gateway", "bot.wechat.kinds"],
    "cipher": ["bot.wechat.seal"],
    "entities": ["intents.entities", "intents.dates", "intents.normalise", "intents.crisis"],
    "sheets": ["records.sheets"],
    "yaml": ["knowledge_base.yamlsafe", "knowledge_base.validate", "knowledge_base.schema"],
}
"""Whose branches are watched: instrumenting everything would take longer than the search."""

with atheris.instrument_imports(include=WATCHED[sys.argv[1]]) if atheris else contextlib.nullcontext():
    import clock
    from bot.wechat import gateway, seal, wire
    from bot.wechat.refusal import Refused
    from intents import crisis, entities
    from knowledge_base import validate, yamlsafe
    from records import sheets

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
FOLDER = Path(tempfile.mkdtemp(prefix="city-fuzz-"))


def callback(data: bytes) -> None:
    """The body of a callback, as the gateway reads it once its signature holds."""
    with contextlib.suppress(Refused):
        gateway._received(wire.read(data, json_allowed=True), False, clock.now())


def cipher(data: bytes) -> None:
    """A sealed message, as the gateway opens it once its signature holds."""
    sealed = data[1:].decode("latin-1")
    if (
        data[:1] == b"x"
    ):  # rightly encrypted, so that what is inside gets looked at: random bytes, length, app id, padding
        plain = data[1:] + bytes(-len(data[1:]) % seal.BLOCK)
        sealed = base64.b64encode(WeChatCipher(seal.key_of(KEY)).encrypt(plain)).decode()
    with contextlib.suppress(Refused):
        seal.decrypt(KEY, "wx0000000000000000", sealed)


def words(data: bytes) -> None:
    """What somebody says."""
    text = data.decode("utf-8", "replace")[:400]
    for found in entities.extract(text, clock.now()):
        assert text[found.start : found.end] == found.text
    assert 0 <= crisis.detect(text).score <= 1


def table(data: bytes) -> None:
    """A file of rows; the first byte says which kind."""
    path = FOLDER / ("a.xlsx" if data[:1] == b"x" else "a.csv")
    path.write_bytes(data[1:])
    with contextlib.suppress(sheets.SheetError):
        list(sheets.rows(path, {"room": ("房间编号",), "name": ("姓名",)}, ("room",)))


def article(data: bytes) -> None:
    """A file of articles."""
    with contextlib.suppress(yamlsafe.YamlFault):
        read = yamlsafe.parse(data.decode("utf-8", "replace"))
        rows = read.get("articles") if isinstance(read, dict) else None
        for row in rows if isinstance(rows, list) else ():  # the importer refuses what is no list
            if isinstance(row, dict):
                validate.article(row, "x.yml", {})


TARGETS: dict[str, Callable[[bytes], None]] = {
    "callback": callback, "cipher": cipher, "entities": words, "sheets": table, "yaml": article,
}  # fmt: skip


MESSAGE = (
    "<xml><ToUserName><![CDATA[gh_x]]></ToUserName><FromUserName><![CDATA[offffffffffffffffffffffffffff]]></FromUserName>"
    "<CreateTime>1795312800</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[居住证]]></Content><MsgId>1</MsgId></xml>"
)
EVENT = (
    MESSAGE.replace("[text]", "[event]")
    .replace("Content>", "Event>")
    .replace("居住证", "SCAN")
    .replace("MsgId", "EventKey")
)
SEEDS: dict[str, tuple[bytes, ...]] = {
    "callback": (MESSAGE.encode(), EVENT.encode(), b'{"MsgType": "text", "FromUserName": "o", "CreateTime": 1, "Content": "a", "MsgId": 1}'),
    "cipher": (
        b"x" + bytes(16) + len(MESSAGE.encode()).to_bytes(4, "big") + MESSAGE.encode() + b"wx0000000000000000" + b"\x08" * 8,
        b"y" + base64.b64encode(bytes(64)),
    ),
    "entities": tuple(t.encode() for t in ("下个月15号 13800013800 海曙区", "990101199001011232 三千八百块", "NB-FH-000123 半年")),
    "sheets": ("c房间编号,姓名\nNB-FH-000001,张三\n".encode(), "c房间编号,姓名\n1,张\n".encode("gb18030")),
    "yaml": ("version: 1\narticles:\n- {id: x-y, intents: [talk], region: ningbo, title: 题, sources: [{issuer: 甲}]}\n".encode(),),
}  # fmt: skip
"""Where each target begins: sound input, from which to breed."""


def by_chance(name: str, options: dict[str, str]) -> None:
    """Try a target with changed seeds, by libFuzzer's options `runs`, `max_total_time`, `max_len`, `artifact_prefix`.

    The input of a fault is kept as libFuzzer would; the fault is raised.
    """
    seed = time.time_ns()
    chance, done = random.Random(seed), 0
    print(f"atheris isn't installed: {name} is tried by chance alone, seed {seed}", file=sys.stderr)
    end = time.monotonic() + float(options.get("max_total_time") or "inf")
    while done < int(options["runs"]) and time.monotonic() < end:
        data = mutated(chance, chance.choice(SEEDS[name]))[: int(options.get("max_len", 4096))]
        try:
            TARGETS[name](data)
        except Exception:
            Path(f"{options.get('artifact_prefix', '')}crash-unguided").write_bytes(data)
            raise
        done += 1
    print(f"Done {done} runs", file=sys.stderr)


def main() -> None:
    """Fuzz one target; exits by itself. The last argument is the folder of its corpus."""
    name = sys.argv.pop(1)
    if atheris is None:
        by_chance(name, dict(option[1:].split("=", 1) for option in sys.argv[1:-1]))
        return
    for number, seed in enumerate(SEEDS[name]):
        Path(sys.argv[-1], f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
