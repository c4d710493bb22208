"""Coverage-guided fuzzing: `python -m tests.security.coverage_fuzz callback|cipher|entities|sheets|yaml -runs=100000 CORPUS`.

atheris watches which branches an input takes and breeds from those that take new ones. It finds what random changes
don't; `test_fuzz.py` is for volume. One target a process, for libFuzzer ends the process itself.
"""

import base64
import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris
from wechatpy.crypto import WeChatCipher

WATCHED = {
    "callback": ["bot.wechat.wire", "bot.wechat.gateway", "bot.wechat.kinds"],
    "cipher": ["bot.wechat.seal"],
    "entities": ["intents.entities", "intents.dates", "intents.normalise", "intents.crisis"],
    "sheets": ["records.sheets"],
    "yaml": ["knowledge_base.yamlsafe", "knowledge_base.validate", "knowledge_base.schema"],
}
"""Whose branches are watched: instrumenting everything would take longer than the search."""

with atheris.instrument_imports(include=WATCHED[sys.argv[1]]):
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


def main() -> None:
    """Fuzz one target; exits by itself. The last argument is the folder of its corpus."""
    name = sys.argv.pop(1)
    for number, seed in enumerate(SEEDS[name]):
        Path(sys.argv[-1], f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
