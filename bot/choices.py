"""Choices: what an id means, which one a message picks, and other small readings of short messages."""

import re
import unicodedata
from dataclasses import dataclass, replace

from bot.message import Inbound
from bot.state import State
from handlers.registry import titles
from handlers.turn import MAX_LABEL, Choice, Reply
from intents import Understanding
from knowledge_base import Knowledge
from knowledge_base.schema import ASPECTS

_NUMERALS = {name: number for number, name in enumerate("一二三四五六七八九十", 1)}
_NUMBER = re.compile(r"(?:选|选择|第|要|点|回复)?\s*(\d{1,2}|[一二三四五六七八九十])\s*(?:个|号|项|条)?[。.!！]?")
_PLACE_ONLY = re.compile(
    r"(?:那么?|要是|如果|换成?|改成?|我?(?:在|是|住)?|和|呢|的|吗|啊|怎么样|咋样|怎么办|又|[?？。,，!！\s])*"
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a choice leads to: an intent and the side of it, or the same question for another region."""

    intent: str = ""
    aspect: str = "main"
    region: str = ""


def goal(choice: str) -> Goal | None:
    """The meaning of a choice's id; None for one that we never offer (it came from outside, trust nothing)."""
    if choice.startswith("region="):
        return Goal(region=choice.removeprefix("region="))
    intent, _, aspect = choice.partition("/")
    if intent not in titles() or (aspect and aspect not in ASPECTS):
        return None
    return Goal(intent, aspect or "main")


def picked(inbound: Inbound, state: State) -> str:
    """The id of the choice that a message picks: tapped, or given by number or label; empty when it picks none."""
    if inbound.choice:
        return inbound.choice
    if not state.offered or not 0 < len(inbound.text) <= MAX_LABEL:
        return ""
    said = unicodedata.normalize("NFKC", inbound.text).strip()
    number = _NUMBER.fullmatch(said)
    if number:
        at = _NUMERALS.get(number[1]) or int(number[1])
        return state.offered[at - 1][1] if 1 <= at <= len(state.offered) else ""
    return next((id for label, id in state.offered if label == said), "")


def only_a_place(heard: Understanding) -> bool:
    """Whether a message says nothing but a place (换成慈溪呢): the same question, asked for there."""
    rest = heard.text
    for entity in heard.entities:
        if entity.type != "district":
            return False
        rest = rest.replace(entity.text, "")
    return _PLACE_ONLY.fullmatch(rest.replace("宁波", "").replace("中山", "")) is not None and len(heard.text) <= 16


def city(said: str, knowledge: Knowledge) -> str | None:
    """The key of a city of ours that is named; districts come as entities."""
    for key in ("ningbo", "zhongshan"):
        if key in knowledge.regions and knowledge.regions.regions[key].short in said:
            return key
    return None


def with_second(reply: Reply, intent: str, title: str) -> Reply:
    """`reply` with the other need of the message offered as the first choice."""
    offer = Choice(f"接着说：{title}", intent)
    text = f"{reply.text}\n\n另外您还问到“{title}”，点一下就说。"
    return replace(reply, text=text, choices=(offer, *(c for c in reply.choices if c.id != intent)))
