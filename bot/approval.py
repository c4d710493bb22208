"""Answers that staff see first (先审后发): kept back, with a word to the person, until somebody has looked at them.

Which intents are meant is a switch. Danger, a form's questions and what leads to a person anyway are never kept back.
"""

from dataclasses import replace

from sqlalchemy import Connection

import clock
from bot.message import Channel, Inbound, Reply
from bot.situation import Decision
from handlers.teams import team_of
from records import drafts
from records.switches import Switches

HOLD = "您问的事，工作人员核对答案后马上发给您，请稍等。等不及，说“转人工”。"


def kept_back(decision: Decision, switches: Switches) -> Decision:
    """`decision` with its answer kept back where staff want to see it first; itself otherwise."""
    if decision.intent not in switches.approve_intents or decision.owner != "question" or decision.danger:
        return decision
    wishes = any(r.urgent or r.handoff or r.reminder or r.subscribe or r.unsubscribe for r in decision.replies)
    if wishes or not decision.articles or decision.filing is not None:
        return decision  # only what is told out of the knowledge base can be right or wrong
    hold = Reply(text=switches.text("hold") or HOLD)
    return replace(decision, replies=(hold,), draft=decision.replies)


def keep(
    conn: Connection, person_id: int, turn_id: str, inbound: Inbound, decision: Decision,
    channel: Channel | None, region: str | None, question: str,
) -> None:  # fmt: skip
    """Keep the answer for staff, as the transcript and as the channel will have it."""
    articles = " ".join(id for reply in decision.draft for id in reply.articles)
    drafts.add(
        conn, person_id, turn_id, intent=decision.intent, team=team_of(decision.intent), region=region,
        question=question or inbound.detail.get("label", ""), body=[reply.stored() for reply in decision.draft],
        payloads=channel.payloads(decision.draft) if channel else [], articles=articles or None, at=clock.now(),
    )  # fmt: skip
