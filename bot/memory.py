"""What the database remembers of a conversation, read back so that nothing stored can make every later turn fail."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot import filling
from bot.situation import Decision
from bot.state import State
from knowledge_base import Knowledge

log = logging.getLogger(__name__)

_SPEAKS = ("question", "form", "event")
"""Owners of a turn that may tell of a lost form; in danger, or with a person on the line, nobody needs to hear of it."""


def recalled(row: Mapping[str, Any] | None, now: datetime, knowledge: Knowledge) -> tuple[State, str | None]:
    """The state of a conversation. A form in it that can't be gone on with is dropped: then its title (empty where even
    that isn't known), else None."""
    try:
        state = State.unpacked(row, now)
        aside = tuple(form for form in state.parked if form and isinstance(form, tuple))
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError):
        log.exception("a stored conversation can't be read; it begins anew")
        return State.unpacked(None, now), None
    if aside != state.parked:
        state = replace(state, parked=aside)
    if not state.form:
        return state, None
    mended = filling.mended(state.form, knowledge)
    if mended == state.form:
        return state, None
    if mended:
        log.warning("an open form lost answers to questions that it no longer asks")
        return replace(state, form=mended), None
    name = state.form[0] if isinstance(state.form, tuple) else ""
    log.error("an open form can't be gone on with (%.40r); it is dropped", name)
    form = filling.named(str(name), knowledge)
    return replace(state, form=(), offered=(), asking=""), form.title if form else ""


def owned_up(decision: Decision, lost: str | None) -> Decision:
    """`decision`, with a word about the form that was lost, if one was."""
    if lost is None or not decision.replies or decision.owner not in _SPEAKS or decision.replies[0].urgent:
        return decision
    first, *rest = decision.replies
    name = f"“{lost}”" if lost else "那张表"
    words = f"对不起，您没填完的{name}出了错，接不上了，什么都没有提交。还要办，请再说一遍，我从头帮您填。"
    return replace(decision, replies=(replace(first, text=f"{words}\n\n{first.text}"), *rest))
