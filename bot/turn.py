"""The spine: one inbound message becomes one committed turn with its replies.

take(service, inbound)
  listen      understand the words; before any lock is held, for it may take a while
  lock        the person's row, so that turns of one person run one at a time on however many machines
  again?      a push that was taken before gets its stored replies, and nothing runs twice
  decide      who owns the turn and what is answered (bot.dialogue)
  record      both messages, the state, handoff, alarm and outbox: one transaction
and only then is anything said.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

import clock
import logs
from bot import approval, forms, leave, memory, metrics, repair
from bot.dialogue import Decision, Situation, decide
from bot.dwelling import settled
from bot.filling import Filing
from bot.message import Inbound, Reply
from bot.service import Service
from bot.situation import rebanded
from handlers import dwelling, manners, talk
from handlers.turn import Handoff
from intents import Understanding, crisis, entities
from records import (
    case_photos,
    cases,
    conversations,
    handoffs,
    outbox,
    people,
    push_consents,
    ratings,
    reminders,
    subscriptions,
    turns,
)
from records.base import Busy, write
from records.desk import Desk
from records.handoffs import Alarm
from records.people import Known

log = logging.getLogger(__name__)

LONGEST = 4_000
"""Characters of a message that are read and kept; the platform sends at most some 2,000."""


LEAVING = frozenset({"unsubscribe", "user_authorization_revoke", "user_authorization_cancellation"})
"""Events after which everything about the person must go (wx-cb-12)."""


CONSENTS = frozenset({"subscribe_msg_popup", "subscribe_msg_change"})
"""Events that tell which messages outside the window somebody agreed to, or refuses (wx-push-03)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A committed turn. `replies` go out at once, but for what the channel put into the outbox (`posted`);
    `duplicate` tells that an earlier push of the same message had caused them."""

    replies: tuple[Reply, ...]
    duplicate: bool
    turn_id: str
    person_id: int
    posted: bool = False
    owner: str = ""
    intent: str = ""
    handler: str = ""
    """See `bot.dialogue.Decision`; empty for a duplicate."""
    escalated: bool = False
    """Whether a person was asked for, or is on the line."""
    watched: bool = False
    """Whether staff have this chat before them: waiting in a queue, or claimed."""


def take(service: Service, inbound: Inbound, *, late: bool = False) -> Taken:
    """Take one turn and commit it. Calling again with the same inbound returns the stored replies.

    `late`: nobody waits for the answer any more, so all replies go through the outbox, once.
    Raises `records.base.Busy` when the database can't be had; then nothing was stored and a later call is safe.
    """
    began = perf_counter()
    heard = listen(service, inbound)
    understood = perf_counter()
    for last in (False, False, True):
        try:
            with write(service.engine) as conn:
                taken, decision = _turn(service, conn, inbound, heard, late)
            break
        except IntegrityError:
            # Another process committed the same message between our look and our insert: read its replies.
            if last:
                raise
        except Busy as busy:
            if last or not busy.lost:
                raise
    logs.follow(taken.turn_id)
    metrics.turn(inbound.channel, taken.owner, heard, taken.escalated, began, understood)
    _tell(service, taken, decision)
    return taken


def listen(service: Service, inbound: Inbound) -> Understanding | None:
    """What the words mean; None for a message without words. Danger is looked for even when all else fails."""
    if not inbound.text.strip():
        return None
    text = inbound.text[:LONGEST]
    try:
        bare = repair.without_lead(text)
        heard = service.understander.understand(bare, clock.now())
        shift = len(text) - len(bare)
        if shift:
            moved = tuple(replace(e, start=e.start + shift, end=e.end + shift) for e in heard.entities)
            heard = replace(heard, text=text, entities=moved)
        return rebanded(_in_characters(heard), service.switches.current())
    except Exception:  # the boundary to the models: people are still answered, and danger still seen
        log.exception("understanding failed; going on with the danger detector alone")
        sign = crisis.detect(text)
        nothing = (("out_of_scope", 0.0),)
        return Understanding(
            text, text, "out_of_scope", 0.0, nothing, "person", None, (), sign.danger, sign.score, "none"
        )


_PINYIN = re.compile(r"[A-Za-z' ,.?!]+")


def _in_characters(heard: Understanding) -> Understanding:
    """A message in nothing but pinyin (zenme ban), as the understanding spelt it out: the dialogue reads characters."""
    if not _PINYIN.fullmatch(heard.text) or heard.normal.isascii() or re.search("[A-Za-z]", heard.normal):
        return heard
    return replace(heard, text=heard.normal, entities=entities.extract(heard.normal, clock.now()))


def _turn(
    service: Service, conn: Connection, inbound: Inbound, heard: Understanding | None, late: bool
) -> tuple[Taken, Decision | None]:
    person = _locked(conn, inbound)
    if person.seen_before:
        return _again(service, conn, inbound, person.id, late), None
    now = clock.now()
    knowledge = service.knowledge
    state, lost = memory.recalled(person.state, now, knowledge)
    decision = _decided(
        Situation(
            inbound=inbound,
            heard=heard,
            state=state,
            line=person.line,
            region=person.region or service.settings.regions[0],
            region_known=person.region is not None,
            now=now,
            knowledge=knowledge,
            switches=service.switches.current(),
            desk=Desk(conn, person.id, service.switches.current().hours),
        )
    )
    if decision.filing is not None:
        decision = _filed(service, conn, person, inbound, decision, decision.filing)
    decision = memory.owned_up(decision, lost)
    channel = service.channels.get(inbound.channel)
    decision = leave.asked(decision, channel.consent() if channel else None)
    decision = approval.kept_back(decision, service.switches.current())
    if decision.withdraw:
        waiting = handoffs.open_of(conn, person.id)
        if waiting is not None and waiting.state == "waiting" and not waiting.urgent:
            handoffs.close(conn, waiting.id, "withdrawn", now)
    turn_id = f"{int(now.timestamp() * 1000):011x}{secrets.token_hex(5)}"
    rows = _rows(person.id, turn_id, inbound, heard, decision)
    turns.keep(conn, rows, inbound.window, _memory(person, inbound, decision))
    _hand_over(service, conn, person, turn_id, heard, decision)
    if inbound.event in CONSENTS:
        _consented(conn, person.id, inbound)
    if decision.draft:
        region = decision.region or person.region
        approval.keep(conn, person.id, turn_id, inbound, decision, channel, region, _masked(inbound.text, heard))
    posted = _post(service, conn, inbound, person.id, turn_id, decision.replies, late)
    escalated = decision.owner in ("staff", "off") or any(reply.handoff for reply in decision.replies)
    if person.line == "waiting" and decision.handler == "human_agent":
        escalated = True
    return Taken(
        decision.replies, False, turn_id, person.id, posted,
        decision.owner, decision.intent, decision.handler, escalated, person.line is not None,
    ), decision  # fmt: skip


def _decided(situation: Situation) -> Decision:
    """The decision; where our own code breaks, an apology and a person, so that the message is kept and answered."""
    try:
        return decide(situation)
    except Exception:  # the boundary to dialogue and handlers: nobody is left without an answer
        log.exception("deciding a turn broke; handing it to a person")
        return Decision("question", (talk.broken(),), situation.state, handler="human_agent")


def _filed(
    service: Service, conn: Connection, person: Known, inbound: Inbound, decision: Decision, filing: Filing
) -> Decision:
    """File a confirmed form as a case; its receipt, with the number, is what the person gets."""
    if filing.form.end == dwelling.END:
        return settled(conn, person.id, decision, filing, clock.now())
    region = filing.region(service.knowledge.regions) or person.region or service.settings.regions[0]
    number = cases.open_case(
        conn, kind=filing.form.name, title=filing.form.title, region=region, team=filing.form.team,
        data=forms.answers(filing.form, filing.progress), at=clock.now(), person_id=person.id, phone=filing.phone(),
        anonymous=filing.anonymous(), first_clock=timedelta(hours=filing.form.first_hours),
    )  # fmt: skip
    case_photos.add(
        conn, number, inbound.channel, filing.photos(), None if filing.anonymous() else person.id, clock.now()
    )
    receipt = filing.receipt(number)
    offered = tuple((choice.label, choice.id) for choice in receipt.choices)
    return replace(decision, replies=(*decision.replies, receipt), state=replace(decision.state, offered=offered))


def _locked(conn: Connection, inbound: Inbound) -> Known:
    """The person's row, held until the transaction ends, and whether this message was taken before."""
    who = inbound.channel, inbound.sender
    found = people.look(conn, *who, inbound.key)
    if found is None:
        made = people.add(conn, *who, clock.now())
        found = Known(made, None, None, None, False) if made else people.look(conn, *who, inbound.key)
    if found is None:
        raise Busy("a person's row vanished while it was being made")
    return found


def _again(service: Service, conn: Connection, inbound: Inbound, person_id: int, late: bool) -> Taken:
    """The stored replies of an earlier push of the same message."""
    rows = conversations.stored_turn(conn, person_id, inbound.key)
    replies = tuple(Reply.from_stored(row) for message in rows if message.author == "bot" for row in message.body)
    turn_id = rows[0].turn_id
    posted = False
    channel = service.channels.get(inbound.channel)
    if late and channel is not None:
        # What overflowed is in the outbox since then; only the immediate part never went out, and goes before it.
        payloads = channel.immediate(replies)
        outbox.put_before(
            conn, person_id, inbound.channel, payloads, key=f"{turn_id}:late", at=clock.now(),
            written=rows[0].created_at,
        )  # fmt: skip
        posted = bool(payloads)
    return Taken(replies, True, turn_id, person_id, posted)


def _rows(
    person_id: int, turn_id: str, inbound: Inbound, heard: Understanding | None, decision: Decision
) -> list[dict[str, Any]]:
    """The transcript of the turn: what came in, and what goes out, if anything does."""
    body: dict[str, Any] = {"text": _masked(inbound.text[:LONGEST], heard)}
    for name in ("event", "scene", "choice", "media"):
        if value := getattr(inbound, name):
            body[name] = value
    if inbound.detail:
        body["detail"] = dict(inbound.detail)
    now = clock.now()
    said = {
        "turn_id": turn_id, "person_id": person_id, "author": "person", "kind": inbound.kind, "body": body,
        "dedup": inbound.key, "owner": decision.owner, "intent": decision.intent or None,
        "probability": heard.probability if heard else None, "band": heard.band if heard else None,
        "created_at": now,
    }  # fmt: skip
    if not decision.replies:
        return [said]
    answer = {
        "turn_id": turn_id, "person_id": person_id, "author": "bot", "kind": "reply",
        "body": [reply.stored() for reply in decision.replies], "owner": decision.owner,
        "intent": decision.intent or None, "articles": " ".join(decision.articles) or None, "created_at": now,
    }  # fmt: skip
    return [said, answer]


def _masked(text: str, heard: Understanding | None) -> str:
    """The text as the transcript keeps it: an ID number typed into the chat, right or mistyped, is not kept there."""
    for entity in heard.entities if heard else ():
        if entity.type == "id_number":
            text = text.replace(entity.text, f"{entity.value[:3]}{'*' * 13}{entity.value[-2:]}")
    return manners.veiled(text)


def _memory(person: Known, inbound: Inbound, decision: Decision) -> dict[str, Any]:
    """The dialogue's state, the region, whether the person follows us, and the sending window this contact opens."""
    now = clock.now()
    leaving = inbound.event in LEAVING
    return people.memory(
        person.id, inbound.window, now, state=decision.state.packed(), region=decision.region or person.region,
        following=not leaving, erase_at=now if leaving else None,
    )  # fmt: skip


def _hand_over(
    service: Service, conn: Connection, person: Known, turn_id: str, heard: Understanding | None, decision: Decision
) -> None:
    """What replies ask for (a member of staff, a reminder), and the alarm of a person in danger."""
    now = clock.now()
    for when, text in (reply.reminder for reply in decision.replies if reply.reminder):
        reminders.add(conn, person.id, text, when, now)
    region = decision.region or person.region or service.settings.regions[0]
    for reply in decision.replies:
        if reply.subscribe:
            subscriptions.add(conn, person.id, reply.subscribe, region, now)
        if reply.rating:
            ratings.answer(conn, person.id, reply.rating, now)
        if reply.unsubscribe:
            subscriptions.revoke(conn, person.id, now)
    for wish in (reply.handoff for reply in decision.replies):
        if isinstance(wish, Handoff):
            handoffs.ask(
                conn, person.id, team=_team(service, decision.intent, wish), reason=wish.reason, at=now, urgent=wish.urgent,
                region=decision.region or person.region, intent=decision.intent or None,
            )  # fmt: skip
    if decision.danger and heard is not None:
        alarmed = conn.execute(select(Alarm.id).where(Alarm.person_id == person.id, Alarm.taken_at.is_(None))).first()
        if alarmed is None:
            handoffs.raise_alarm(conn, person.id, turn_id, heard.danger_score, "detector", now)


def _consented(conn: Connection, person_id: int, inbound: Inbound) -> None:
    """Keep the ledger of consents: each yes is one message more, a no ends all by that template.

    Only the popup's yes counts: in the phone's settings people can refuse, but agree to nothing.
    """
    now = clock.now()
    for template in inbound.detail.get("rejected", "").split():
        push_consents.revoke(conn, person_id, now, template)
    accepted = inbound.detail.get("accepted", "").split() if inbound.event == "subscribe_msg_popup" else []
    for template in accepted:
        push_consents.give(conn, person_id, template, now)
    if accepted:
        outbox.wake(conn, person_id, now)


def _team(service: Service, intent: str, wish: Handoff) -> str:
    """The queue that staff chose for an intent; danger goes where it belongs, whatever was chosen."""
    return wish.team if wish.urgent else service.switches.current().team(intent, wish.team)


def _post(
    service: Service, conn: Connection, inbound: Inbound, person_id: int, turn_id: str, replies: Sequence[Reply],
    late: bool,
) -> bool:  # fmt: skip
    """Put into the outbox what can't go out with the immediate answer: the overflow, or, when late, everything."""
    channel = service.channels.get(inbound.channel)
    if channel is None or not replies:
        return False
    if late:
        return _put(conn, inbound, person_id, f"{turn_id}:late", channel.payloads(replies))
    return _put(conn, inbound, person_id, turn_id, channel.overflow(replies), wait=outbox.BEHIND)


def _put(
    conn: Connection, inbound: Inbound, person_id: int, key: str, payloads: list[dict[str, Any]],
    wait: timedelta = timedelta(0),
) -> bool:  # fmt: skip
    if payloads:
        now = clock.now()
        outbox.put(conn, person_id, inbound.channel, payloads, key=key, at=now, due=now + wait)
    return bool(payloads)


def _tell(service: Service, taken: Taken, decision: Decision | None) -> None:
    """After the commit: wake whoever should look. All of it may fail; the rows are there."""
    if taken.posted:
        service.nudge()
    if decision is None:
        return
    if decision.draft:
        service.signal("draft", taken.person_id)
    if decision.danger:
        service.signal("alarm", taken.person_id)
    elif taken.escalated and not taken.watched:
        service.signal("handoff", taken.person_id)
    if taken.watched:
        service.signal("message", taken.person_id)
