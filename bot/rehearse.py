"""`python -m bot.rehearse F.jsonl …`: plays dialogues through the real turn, with a database of its own.

A line of the file is one dialogue: `{"id", "goal", "now"?, "turns": [{"user", "expect": {...}}]}`. In `expect`,
`intent` is what was understood, `handler` the intent whose handler answered, `must_include` a list of texts of which
all must occur in what the person sees (`a|b`: one of them), `must_not` texts that mustn't, `escalated` whether a
person was asked for. What is null or left out is not checked. A turn may say more of itself: `photo` (true: a picture
is sent; `user` is only how it is called), `hours_later` (how long after the turn before it), `somebody_else` (true:
another person at the same machine from here on).

Prints a line for each turn that failed, and last
`turns_passed=130 turns=134 dialogues_passed=38 dialogues=40`. With `--document OUT.md` it writes one conversation for
each service, as it was just played, for people to read.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from tqdm import tqdm

import clock
from bot import turn
from bot.message import Inbound, Reply
from bot.service import Service
from handlers.registry import STEERING, titles
from intents.rasa import RasaUnderstander
from intents.understander import Understander
from knowledge_base import store
from knowledge_base.live import Fixed
from records import crypto, demo_posts, migrate
from records.base import engine_for, write
from records.switches import Watch
from settings import Settings

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=clock.CHINA)


class BadFile(Exception):
    """A line of the file is not a dialogue; the message names the line and the fault."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One turn's result. `faults` is empty when it passed."""

    dialogue: str
    turn: int
    user: str
    seen: str
    intent: str
    handler: str
    escalated: bool
    faults: tuple[str, ...]


def rehearse(service: Service, dialogues: list[dict[str, Any]], *, progress: bool = False) -> list[Verdict]:
    """Play dialogues, each by a person of its own. Raises nothing but `records.base.Busy`."""
    verdicts: list[Verdict] = []
    for number, dialogue in enumerate(tqdm(dialogues, disable=not progress, desc="dialogues", unit="")):
        moment = datetime.fromisoformat(dialogue["now"]) if dialogue.get("now") else NOW
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=clock.CHINA)
        name = str(dialogue.get("id", number + 1))
        with clock.frozen(moment):
            verdicts += _played(service, f"rehearsal-{number}", name, dialogue["turns"])
    return verdicts


def _played(service: Service, sender: str, name: str, turns: list[dict[str, Any]]) -> Iterator[Verdict]:
    moment, people = clock.now(), 1
    for at, row in enumerate(turns, 1):
        moment += timedelta(hours=row.get("hours_later", 0))
        people += bool(row.get("somebody_else"))
        said = {"kind": "image", "media": f"{at:032x}"} if row.get("photo") else {"kind": "text", "text": row["user"]}
        inbound = Inbound(
            channel="web", sender=f"{sender}-{people}", key=f"r:{at}", sent_at=moment, window="message", **said
        )
        with clock.frozen(moment):
            taken = turn.take(service, inbound)
        seen = _seen(taken.replies)
        faults = tuple(_faults(row.get("expect") or {}, taken, seen))
        yield Verdict(name, at, row["user"], seen, taken.intent, taken.handler, taken.escalated, faults)


def _seen(replies: tuple[Reply, ...]) -> str:
    """All that the person sees: texts, choices and links."""
    parts: list[str] = []
    for reply in replies:
        parts += [reply.text, *(choice.label for choice in reply.choices), *(link.label for link in reply.links)]
    return "\n".join(parts)


def _faults(expect: dict[str, Any], taken: turn.Taken, seen: str) -> Iterator[str]:
    for name in ("intent", "handler", "escalated"):
        wanted = expect.get(name)
        if wanted is not None and wanted != getattr(taken, name):
            yield f"{name} is {getattr(taken, name)!r}, not {wanted!r}"
    for text in expect.get("must_include") or ():
        if not any(way in seen for way in text.split("|")):
            yield f"lacks {text!r}"
    for text in expect.get("must_not") or ():
        if any(way in seen for way in text.split("|")):
            yield f"has {text!r}"


def read_file(path: Path) -> list[dict[str, Any]]:
    """The dialogues of a file. Raises `BadFile`."""
    dialogues = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadFile(f"{path}:{number}: is not JSON ({error})") from error
        turns = row.get("turns") if isinstance(row, dict) else None
        if not isinstance(turns, list) or not all(
            isinstance(t, dict) and isinstance(t.get("user"), str) for t in turns
        ):
            raise BadFile(f'{path}:{number}: needs "turns", a list of {{"user": "…", "expect": {{…}}}}')
        dialogues.append(row)
    return dialogues


def embedded_service(folder: Path, backend: str, understander: Understander | None = None) -> Service:
    """A service with a database in `folder` and no Redis: its signals go nowhere. The model is loaded unless given."""
    env = {
        **os.environ,
        "NLU_BACKEND": backend,
        "DATABASE_URL": f"sqlite:///{folder / 'rehearsal.db'}",
        "APP_MODE": "rehearsal",
    }
    settings = Settings.from_env(env)
    crypto.configure(settings.data_key, settings.lookup_key)
    engine = engine_for(settings.database_url)
    migrate.upgrade(engine)
    with write(engine) as conn:
        demo_posts.seed(conn, NOW)
    nowhere = redis.Redis(unix_socket_path=str(folder / "nowhere.sock"), retry=Retry(NoBackoff(), 0))
    knowledge = store.load(regions=settings.regions)
    local = understander or Understander.load(settings.model_dir)
    understands = RasaUnderstander(local, settings.rasa_url) if backend == "rasa" else local
    return Service(settings, engine, nowhere, Fixed(knowledge), understands, Watch(engine))


def document(verdicts: list[Verdict]) -> str:
    """One played conversation for each service, in the order of the taxonomy, as Markdown."""
    played: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        played.setdefault(verdict.dialogue, []).append(verdict)
    parts = [_HEAD]
    for intent, title in titles().items():
        if intent in STEERING:
            continue
        found = [turns for turns in played.values() if turns[0].handler == intent and not any(v.faults for v in turns)]
        if found:
            best = max(found, key=len)
            parts.append(f"## {title}\n\n" + "\n\n".join(_told(verdict) for verdict in best))
    return "\n\n".join(parts) + "\n"


_HEAD = (
    "# 对话实录\n\n每项服务一段真实走完的对话，由 `python -m bot.rehearse --document docs/conversations.md "
    "tests/bot/rehearsals/*.jsonl` 写成，不是手写的；过时了测试会报错。人名、号码都是编的。\n\n"
    "| 网页聊天 | 自助机（`/chat?kiosk=1`） |\n|---|---|\n"
    "| ![填欠薪登记](images/conversation.png) | ![大字，60秒没人碰就清空](images/kiosk.png) |\n\n"
    "一句话怎么接，由 `bot/dialogue.py` 决定，不算听懂这一步，中位数 0.2 毫秒"
    "（2026-11-22，4核共用，`tests/bot/test_dialogue.py::test_a_turn_is_decided_within_a_millisecond` 守着 1 毫秒）。"
)


def _told(verdict: Verdict) -> str:
    answer = "\n".join(f"> {line}  " if line else ">" for line in verdict.seen.splitlines())
    return f"**{verdict.user}**\n\n{answer}"


def main(arguments: list[str]) -> int:
    """The command. Returns 0 when every turn passed, 1 when not, 2 for a file that can't be read."""
    parser = argparse.ArgumentParser(prog="python -m bot.rehearse", description="Play dialogues through the real turn.")
    parser.add_argument("files", type=Path, nargs="+", metavar="F.jsonl")
    parser.add_argument(
        "--document", type=Path, metavar="OUT.md", help="one conversation a service, for people to read"
    )
    parser.add_argument("--backend", choices=("local", "rasa"), default="local")
    parser.add_argument("--json", type=Path, metavar="OUT", help="every turn's verdict, a JSON object a line")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    try:
        dialogues = [dialogue for file in options.files for dialogue in read_file(file)]
    except (OSError, BadFile, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        service = embedded_service(Path(folder), options.backend)
        verdicts = rehearse(service, dialogues, progress=sys.stderr.isatty())
        service.engine.dispose()
    for verdict in verdicts:
        if verdict.faults:
            print(f"{verdict.dialogue} turn {verdict.turn} {verdict.user!r}: {'; '.join(verdict.faults)}")
    if options.json:
        rows = ({name: getattr(v, name) for name in Verdict.__slots__} for v in verdicts)
        options.json.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    if options.document:
        options.document.write_text(document(verdicts), encoding="utf-8")
    return _summary(dialogues, verdicts)


def _summary(dialogues: list[dict[str, Any]], verdicts: list[Verdict]) -> int:
    failed = [verdict for verdict in verdicts if verdict.faults]
    lost = len({verdict.dialogue for verdict in failed})
    print(
        f"turns_passed={len(verdicts) - len(failed)} turns={len(verdicts)} "
        f"dialogues_passed={len(dialogues) - lost} dialogues={len(dialogues)}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
