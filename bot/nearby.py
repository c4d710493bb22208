"""A shared location: the nearest places where the matter in hand is dealt with."""

from dataclasses import replace

from bot.answering import answer
from bot.message import Choice, Reply
from bot.situation import Decision, Situation, offering
from handlers import talk
from handlers.registry import titles
from knowledge_base.places import Place

_KINDS = {
    (
        "police",
        "village",
        "hall",
    ): "residence_register residence_update rental_qr_report permit_application permit_renewal "
    "permit_replacement permit_benefits id_card_renewal exit_entry driving_vehicle child_card",
    ("hall", "village", "station"): "points_application points_query hukou_settlement public_housing social_insurance "
    "job_seeking skills_training senior_transit_card party_membership community_activity hardship_aid",
    ("clinic",): "vaccination maternal_health",
    ("school", "hall"): "school_enrollment local_exam",
    ("aid", "hall"): "legal_aid mediation wage_arrears labor_dispute work_injury",
}
_WHERE = {intent: kinds for kinds, intents in _KINDS.items() for intent in intents.split()}
"""Kinds of service points (knowledge_base.places) that deal with a service."""
MOST = 3


def about_location(s: Situation) -> Decision | None:
    """The answer to a location that somebody shared; None where the message holds none. Without a matter in hand, the
    place is remembered and what is wanted there is asked."""
    here = _position(s)
    if here is None:
        return None
    kinds = _WHERE.get(s.state.topic, ())
    found = sorted(
        (hit for kind in kinds or ("",) for hit in s.knowledge.near(*here, kind=kind, limit=MOST)), key=lambda hit: hit[1]
    )[:MOST]  # fmt: skip
    region = _region(s, [place for place, _ in found])
    if s.state.topic and found:
        title = titles()[s.state.topic]
        text = "\n".join([f"离您近的、能办“{title}”的地方：", *(_line(place, km) for place, km in found), _CALL])
        return _said(s, Reply(text=text, choices=(_papers(s.state.topic), _HUMAN)), region, s.state.topic)
    if s.state.topic:
        told = answer(s, s.state.topic, "where", region=region, text="")
        lead = "位置收到了。您附近的窗口位置，我这里还没有核实过的，不敢乱指路。一般是这样："
        first, *rest = told.replies
        return replace(told, replies=(replace(first, text=f"{lead}\n{first.text}"), *rest))
    lines = [_line(place, km) for place, km in found]
    where = f"，您在{s.knowledge.regions.name(region)}" if region else ""
    near = ["离您近的服务点：", *lines] if lines else []
    text = "\n".join([f"位置收到了{where}。", *near, "您想在附近办什么事？"])
    return _said(s, Reply(text=text, choices=talk.START), region, "greet")


_CALL = "去之前先打个电话问一声开门时间；没有电话的打12345。"
_HUMAN = Choice("找工作人员", "human_agent")


def _papers(topic: str) -> Choice:
    return Choice("要带什么", f"{topic}/papers")


def _position(s: Situation) -> tuple[float, float] | None:
    if s.inbound.kind != "location" and s.inbound.event != "location_select":
        return None
    try:
        here = float(s.inbound.detail["latitude"]), float(s.inbound.detail["longitude"])
    except (KeyError, ValueError):
        return None
    return here if abs(here[0]) <= 90 and abs(here[1]) <= 180 else None


def _region(s: Situation, found: list[Place]) -> str | None:
    """The district that the location's label names, else that of the nearest place."""
    for entity in s.heard.entities if s.heard else ():
        if entity.type == "district" and (key := s.knowledge.regions.of_name(entity.value)):
            return key
    label = s.inbound.detail.get("label", "")
    named = [key for key, region in s.knowledge.regions.regions.items() if region.parent and region.name in label]
    return named[-1] if named else found[0].region if found else None


def _line(place: Place, km: float) -> str:
    far = f"约{km:.1f}公里" if km >= 1 else f"约{max(round(km, 1), 0.1) * 1000:.0f}米"
    more = "，".join(part for part in (place.phone, place.hours) if part)
    return f"· {place.name}（{far}）：{place.address}{f'，{more}' if more else ''}"


def _said(s: Situation, reply: Reply, region: str | None, handler: str) -> Decision:
    return Decision("question", (reply,), offering(s.state, reply), s.state.topic, handler, region=region)
