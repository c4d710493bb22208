"""What `/metrics` says: the shared counts, and how things stand in the database at the moment of asking.

Every query goes by an index over what is open, so that asking costs the same with a million messages as with none.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select

import clock
from bot import metrics
from bot.service import Service
from records import scanner
from records.base import Busy, read
from records.handoffs import Alarm, Handoff
from records.outbox import Outgoing
from records.reminders import Reminder

Extra = Callable[[], dict[str, float]]


def page(service: Service, extra: Extra) -> bytes:
    """Prometheus text. `extra`: gauges of this machine that only a channel knows, by name."""
    registry = CollectorRegistry()
    registry.register(_Now(service, extra))
    return generate_latest(registry)


class _Now(Collector):
    def __init__(self, service: Service, extra: Extra) -> None:
        self.service, self.extra = service, extra

    def collect(self) -> Iterator[Metric]:
        metrics.flush()
        up = GaugeMetricFamily("city_up", "1 where a part answers", labels=["part"])
        try:
            shared: Any = self.service.redis.hgetall(metrics.HASH)
            up.add_metric(["redis"], 1)
        except redis.RedisError:
            shared = {}
            up.add_metric(["redis"], 0)
        yield from metrics.families(shared)
        try:
            with read(self.service.engine) as conn:
                yield from _rows(conn, clock.now())
            up.add_metric(["database"], 1)
        except Busy:
            up.add_metric(["database"], 0)
        if (scanning := scanner.answers()) is not None:
            up.add_metric(["scanner"], scanning)
        yield up
        yield _one("city_knowledge_articles", "Articles that serve", len(self.service.knowledge.articles))
        age = (clock.now() - self.service.articles.looked_at).total_seconds()
        yield _one(
            "city_knowledge_age_seconds", "Since the articles that serve were last compared with the database", age
        )
        for name, value in self.extra().items():
            yield _one(name, "Messages on this machine's disk", value)


def _one(name: str, told: str, value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told)
    family.add_metric([], value)
    return family


def _rows(conn: Connection, now: datetime) -> Iterable[Metric]:
    yield from _outbox(conn, now)
    waiting = GaugeMetricFamily("city_handoffs_waiting", "People waiting for staff", labels=["team", "urgent"])
    oldest = GaugeMetricFamily("city_handoff_oldest_seconds", "The longest wait for staff", labels=["team", "urgent"])
    groups = select(Handoff.team, Handoff.urgent, func.count(), func.min(Handoff.opened_at))
    for team, urgent, count, since in conn.execute(
        groups.where(Handoff.state == "waiting").group_by(Handoff.team, Handoff.urgent)
    ):
        labels = [team, "yes" if urgent else "no"]
        waiting.add_metric(labels, count)
        oldest.add_metric(labels, (now - since).total_seconds())
    yield waiting
    yield oldest
    alarms = conn.execute(select(func.count(), func.min(Alarm.raised_at)).where(Alarm.taken_at.is_(None))).one()
    yield _one("city_alarms_open", "Alarms of people in danger that nobody has taken", alarms[0])
    age = (now - alarms[1]).total_seconds() if alarms[1] else 0
    yield _one("city_alarm_oldest_seconds", "How long the oldest of them has been open", age)
    late = select(func.count()).where(Reminder.state == "pending", Reminder.due_at < now - timedelta(minutes=10))
    yield _one("city_reminders_late", "Reminders ten minutes past their time", conn.execute(late).scalar_one())


def _outbox(conn: Connection, now: datetime) -> Iterable[Metric]:
    rows = GaugeMetricFamily(
        "city_outbox_rows", "Outbox rows by state; failed and refused: of the last day", labels=["state"]
    )
    oldest = GaugeMetricFamily("city_outbox_oldest_seconds", "Age of the oldest row of a state", labels=["state"])
    open_ones = select(Outgoing.state, func.count(), func.min(Outgoing.created_at)).where(
        Outgoing.state.in_(("pending", "sending", "waiting"))
    )
    for state, count, since in conn.execute(open_ones.group_by(Outgoing.state)):
        rows.add_metric([state], count)
        oldest.add_metric([state], (now - since).total_seconds())
    ended = select(Outgoing.state, func.count()).where(
        Outgoing.state.in_(("failed", "refused")), Outgoing.next_at > now - timedelta(days=1)
    )
    for state, count in conn.execute(ended.group_by(Outgoing.state)):
        rows.add_metric([state], count)
    yield rows
    yield oldest
