"""Every figure an operator was promised exists and moves, and nothing in the dashboard or the alerts asks for another."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

import clock
from bot import metrics, turn
from bot.message import Inbound
from bot.service import Service
from bot.wechat.delivery import Outcome
from jobs import delivery
from records import handoffs, outbox, people, reminders
from records.base import write

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
NOW = clock.now().replace(microsecond=0)


def figures(app: Flask) -> dict[tuple[str, ...], float]:
    """The page as {(name, label, label…): value}."""
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


def say(service: Service, number: int, text: str) -> turn.Taken:
    return turn.take(
        service, Inbound("wechat", "oGauge", f"m:{number}", "text", clock.now(), text=text, window="message")
    )


@pytest.fixture
def day(app: Flask):
    """What the page said before and after a day on which everything happened once."""
    service: Service = app.extensions["service"]
    with clock.frozen(NOW):
        before = figures(app)
        person = say(service, 1, "居住证快到期了怎么签注").person_id
        say(service, 2, "转人工")
        say(service, 3, "我不想活了")
        with write(service.engine) as conn:
            for number in range(4):
                outbox.put(conn, person, "wechat", [{"kind": "text", "text": "一"}], key=f"row-{number}", at=NOW)
            reminders.add(conn, person, "签注", NOW + timedelta(minutes=1), NOW)
        with write(service.engine) as conn:
            people.exhaust(conn, person)  # what waits would be let go at once
        answers = iter(("delivered", "wait", "drop", "retry"))
        send = metrics.watched(lambda *_: Outcome(next(answers), 45047))  # type: ignore[arg-type]
        for _ in range(4):
            delivery.deliver_due(service.engine, {"wechat": send})
        metrics.count("city_token_fetches", "no")
    with clock.frozen(NOW + timedelta(hours=1)):
        return before, figures(app)


def test_every_promised_figure_moves(day) -> None:
    before, after = day

    def moved(*key: str) -> float:
        found = {name: value for name, value in after.items() if name[0] == key[0] and set(key[1:]) <= set(name[1:])}
        assert found, f"{key} is not on the page"
        return sum(value - before.get(name, 0.0) for name, value in found.items())

    for stage in ("understand", "transaction", "whole"):
        assert moved("city_turn_seconds_count", stage) == 3
    assert moved("city_turns_total", "wechat") == 3
    assert moved("city_intents_total", "permit_renewal", "answer", "local") == 1  # intent, band and backend
    assert moved("city_danger_total") == 1 and moved("city_escalated_total") >= 1
    assert moved("city_handoffs_waiting") == 1
    assert moved("city_handoff_oldest_seconds") == pytest.approx(3600)
    assert moved("city_alarms_open") == 1 and moved("city_alarm_oldest_seconds") == pytest.approx(3600)
    assert moved("city_outbox_rows", "waiting") == 1 and moved("city_outbox_rows", "refused") == 1
    assert moved("city_outbox_oldest_seconds", "pending") == pytest.approx(3600)
    for outcome in ("delivered", "wait", "drop", "retry"):
        assert moved("city_deliveries_total", outcome, "45047") == 1
    assert moved("city_token_fetches_total", "no") == 1
    assert moved("city_reminders_late") == 1
    assert moved("city_knowledge_age_seconds") == pytest.approx(3600, abs=60)
    assert moved("city_knowledge_articles") == 0 and after[("city_knowledge_articles",)] > 50
    assert moved("city_request_seconds_count", "health.metrics", "2xx") == 1
    assert after[("city_up", "database")] == after[("city_up", "redis")] == 1
    assert {("city_spool_waiting",), ("city_spool_set_aside",)} <= set(after)


def test_the_dashboard_and_the_alerts_ask_for_nothing_that_is_not_on_the_page(day) -> None:
    there = {name for name, *_ in day[1]}
    for file in ("alerts.yml", "grafana.json"):
        asked = set(re.findall(r"\bcity_[a-z_]+", (MONITORING / file).read_text(encoding="utf-8")))
        assert asked - there == set(), file
    unused = {name for name in there if not name.endswith(("_sum", "_count", "_created")) and name not in asked}
    assert unused == set(), "figures nobody looks at: put them on the dashboard"


def test_a_database_that_is_away_is_said_and_the_page_still_answers(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from records.base import Busy

    def away(*_: object) -> None:
        raise Busy("away")

    monkeypatch.setattr("bot.gauges.read", away)
    assert figures(app)[("city_up", "database")] == 0


def test_an_alarm_that_somebody_takes_leaves_the_page(app: Flask) -> None:
    service: Service = app.extensions["service"]
    person = say(service, 1, "我不想活了").person_id
    assert figures(app)[("city_alarms_open",)] == 1
    with write(service.engine) as conn:
        handoffs.take_alarms(conn, person, _somebody(conn), clock.now())
    assert figures(app)[("city_alarms_open",)] == 0


def _somebody(conn) -> int:
    from records import staff

    return staff.create(conn, "counsellor", "咨询师", "counsellor", "-", clock.now())
