"""The arrows of the house run one way: nothing imports a room that stands before it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEAVES = {"clock", "logs", "settings"}
MAY_IMPORT = {
    "records": set(),
    "intents": set(),
    "knowledge_base": {"records"},
    "handlers": {"intents", "knowledge_base", "records"},
    "bot": {"handlers", "intents", "knowledge_base", "records"},
    "staff": {"handlers", "intents", "knowledge_base", "records"},
    "jobs": {"handlers", "intents", "knowledge_base", "records", "redis_server"},
}
KNOWS_WECHAT = ("bot/wechat", "bot/sandbox")


def modules(room: str) -> list[Path]:
    return sorted(p for p in (ROOT / room).rglob("*.py") if "versions" not in p.parts)


def imports(path: Path) -> Iterator[str]:
    """Names of ours that a module imports, relative ones made whole."""
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level]) if node.level else ""
            whole = ".".join(part for part in (base, node.module or "") if part)
            yield whole
            yield from (f"{whole}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_stands_after_it(room: str) -> None:
    ours = {*MAY_IMPORT, *LEAVES, "app", "redis_server"}
    allowed = MAY_IMPORT[room] | LEAVES | {room}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(room)
        for name in imports(path)
        if name.split(".")[0] in ours and name.split(".")[0] not in allowed
    ]
    assert modules(room), f"the room {room} is empty"
    assert wrong == []


def test_only_the_channel_and_its_stand_in_know_wechat() -> None:
    rooms = ["handlers", "intents", "knowledge_base", "records", "staff", "jobs", "bot"]
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room in rooms
        for path in modules(room)
        if not path.relative_to(ROOT).as_posix().startswith(KNOWS_WECHAT)
        for name in imports(path)
        if name.startswith(("wechatpy", "bot.wechat", "bot.sandbox"))
    ]
    assert wrong == []


def test_the_channel_does_not_lean_on_its_stand_in() -> None:
    wrong = [str(p) for p in modules("bot/wechat") for name in imports(p) if name.startswith("bot.sandbox")]
    assert wrong == []
