"""Every rehearsal passes, and together they reach every handler, form, calculator and repair."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import rehearse
from bot.rehearse import Verdict
from handlers import calculators, declared
from handlers.registry import handled
from intents.understander import Understander
from records.base import read
from records.cases import Case

FOLDER = Path(__file__).parent / "rehearsals"
DOCUMENT = Path(__file__).parents[2] / "docs" / "conversations.md"
DIALOGUES = [dialogue for path in sorted(FOLDER.glob("*.jsonl")) for dialogue in rehearse.read_file(path)]


@dataclass(frozen=True)
class Played:
    """What came of playing them all once."""

    verdicts: list[Verdict]
    filed: set[str]


@pytest.fixture(scope="module")
def played(understander: Understander, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    service = rehearse.embedded_service(tmp_path_factory.mktemp("rehearsals"), "local", understander)
    verdicts = rehearse.rehearse(service, DIALOGUES)
    with read(service.engine) as conn:
        filed = set(conn.execute(select(Case.kind)).scalars())
    yield Played(verdicts, filed)
    service.engine.dispose()


def test_turns_are_as_they_should_be(played: Played) -> None:
    failed = [f"{v.dialogue} turn {v.turn} {v.user!r}: {'; '.join(v.faults)}" for v in played.verdicts if v.faults]
    assert failed == []


def test_danger_is_met_in_every_dialogue_about_it(played: Played) -> None:
    wanted = {(d["id"], at) for d in DIALOGUES for at, t in enumerate(d["turns"], 1)
              if (t.get("expect") or {}).get("handler") == "psych_crisis"}  # fmt: skip
    assert wanted
    assert [v for v in played.verdicts if (v.dialogue, v.turn) in wanted and v.handler != "psych_crisis"] == []


def test_there_are_many_and_each_has_a_name_of_its_own() -> None:
    ids = [dialogue["id"] for dialogue in DIALOGUES]
    assert len(ids) >= 140 and len(set(ids)) == len(ids)


def test_they_reach_every_handler(played: Played) -> None:
    assert handled() - {verdict.handler for verdict in played.verdicts} == set()


def test_every_form_is_filed_at_least_once(played: Played) -> None:
    cases = {form.name for form in declared.forms().values() if form.end == "case"}
    assert cases - played.filed == set()


def test_every_calculator_that_they_name_answers_with_what_it_rests_on(played: Played) -> None:
    results = [verdict.seen for verdict in played.verdicts if "怎么来的：" in verdict.seen]
    assert len(results) >= 8
    assert all("依据：" in seen for seen in results)
    assert len(calculators.calculators()) >= 15


def test_nothing_is_escalated_but_what_was_asked_for(played: Played) -> None:
    called = {verdict.handler for verdict in played.verdicts if verdict.escalated}
    assert called <= {"human_agent", "psych_crisis", "emergency"}, called


def test_the_page_for_people_shows_what_was_just_played(played: Played) -> None:
    command = "python -m bot.rehearse --document docs/conversations.md tests/bot/rehearsals/*.jsonl"
    kept, now = (
        text.splitlines() for text in (DOCUMENT.read_text(encoding="utf-8"), rehearse.document(played.verdicts))
    )
    same = len(set(kept) & set(now)) / len(set(now))
    assert same >= 0.9, f"stale; run {command}"
