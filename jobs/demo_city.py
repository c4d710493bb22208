"""`python -m jobs.demo --people 2000`: a whole invented city for rehearsals, to see every page full and to measure with.

Sixty days of it: people of all districts who ask (the articles' own questions, answered by the articles), file cases
that are accepted, worked on, overdue and resolved, ask for staff who answer and are rated, a few in danger; villages
with rooms, landlords and registered tenants; reminders. Seeded: the same number makes the same city. Nobody is real:
names are invented, ID numbers carry a region that nobody was issued (99), phone numbers the prefix 139 0000.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, Engine, insert, select
from tqdm import tqdm

import clock
from handlers import declared
from knowledge_base import Knowledge
from knowledge_base.schema import Article
from records import (
    cases,
    conversations,
    declarations,
    filing,
    handoffs,
    people,
    places,
    ratings,
    reminders,
    room_codes,
    rooms,
    staff,
)
from records.base import write
from records.demo_rooms import checked
from records.identity import birth_of
from records.residents import Resident
from records.rooms import Landlord, Room

DAYS = 60
BATCH = 50
_FAMILY = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜"
_GIVEN = (
    "一帆",
    "小雨",
    "大江",
    "春梅",
    "建国",
    "晓红",
    "海燕",
    "志强",
    "秀英",
    "子轩",
    "国庆",
    "丽娟",
    "文彬",
    "桂花",
    "天佑",
)
_TOWNS = {
    "haishu": ("宁波市", "海曙区"), "jiangbei": ("宁波市", "江北区"), "zhenhai": ("宁波市", "镇海区"),
    "beilun": ("宁波市", "北仑区"), "yinzhou": ("宁波市", "鄞州区"), "fenghua": ("宁波市", "奉化区"),
    "yuyao": ("宁波市", "余姚市"), "cixi": ("宁波市", "慈溪市"), "ninghai": ("宁波市", "宁海县"),
    "xiangshan": ("宁波市", "象山县"), "zhongshan": ("中山市",),
}  # fmt: skip
"""Regions and where their villages lie."""
_WAYS = (
    (), (), ("accepted",), ("accepted", "working"), ("accepted", "working", "resolved"),
    ("accepted", "working", "resolved"), ("accepted", "resolved"), ("returned",), ("withdrawn",),
)  # fmt: skip
"""How far a case has come."""
_STAFF_SAYS = (
    "您好，我看了您的情况，材料是齐的，可以直接去窗口办。",
    "已经帮您转到街道，三个工作日内有人联系您。",
    "这个要本人带身份证来一趟，周末也开门。",
)


@dataclass(frozen=True, slots=True)
class City:
    """What the generator draws from."""

    chance: random.Random
    now: datetime
    articles: tuple[Article, ...]
    forms: tuple[declared.Form, ...]
    desk: tuple[int, ...]
    regions: tuple[str, ...]


def make(engine: Engine, knowledge: Knowledge, count: int, seed: int = 1) -> dict[str, int]:
    """Add `count` people with all that belongs to them, and a village for each 40. Returns how many of what was made.

    In transactions of some dozens, so that a service that runs meanwhile is not held up.
    """
    with write(engine) as conn:
        desk = tuple(row.id for row in staff.everybody(conn) if row.role in ("officer", "counsellor", "supervisor"))
    shown = tuple(one for one in knowledge.articles.values() if one.valid(clock.today()) and one.questions)
    forms = tuple(form for form in declared.forms().values() if form.end == "case")
    regions = tuple(key for key in _TOWNS if key in knowledge.regions)
    city = City(random.Random(seed), clock.now(), shown, forms, desk, regions)  # noqa: S311 - a demo, seeded
    made: dict[str, int] = {}
    for start in tqdm(range(0, count, BATCH), desc="people", unit="batch", leave=False, disable=None):
        with write(engine) as conn:
            for number in range(start, min(count, start + BATCH)):
                _add(made, _person(conn, city, f"demo-{seed}-{number}", number))
    for number in tqdm(range(max(1, count // 40)), desc="villages", leave=False, disable=None):
        with write(engine) as conn:
            _add(made, _village(conn, city, number))
    return made


def _add(made: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        made[name] = made.get(name, 0) + count


def _moment(city: City) -> datetime:
    """Some time in the last days, by day more often than by night."""
    hour = min(23, max(0, round(city.chance.gauss(14, 4))))
    day = (city.now - timedelta(days=city.chance.randrange(DAYS))).date()
    at = datetime.combine(day, time(hour, city.chance.randrange(60), city.chance.randrange(60)), clock.CHINA)
    return min(at, city.now - timedelta(minutes=city.chance.randrange(5, 90)))


def _person(conn: Connection, city: City, sender: str, number: int) -> dict[str, int]:
    at = _moment(city)
    person = people.add(conn, "web" if number % 4 == 0 else "wechat", sender, at)
    if person is None:
        return {"known": 1}
    made = {"people": 1, "messages": 0}
    region = city.chance.choice(city.regions)
    people.open_window(conn, person, "message", at)
    for turn in range(city.chance.choice((1, 1, 2, 2, 3, 5))):
        made["messages"] += _asks(conn, city, person, at + timedelta(minutes=2 * turn), f"{sender}-{turn}")
    draw = city.chance.random()
    if draw < 0.18:
        _files(conn, city, person, region, at)
        made["cases"] = 1
    elif draw < 0.30:
        _asks_for_staff(conn, city, person, region, at, sender)
        made["chats"] = 1
    elif draw < 0.31:
        _in_danger(conn, city, person, region, at, sender)
        made["alarms"] = 1
    elif draw < 0.36:
        reminders.add(conn, person, "居住证签注要到期了", city.now + timedelta(days=city.chance.randrange(1, 60)), at)
        made["reminders"] = 1
    return made


def _asks(conn: Connection, city: City, person: int, at: datetime, key: str) -> int:
    article = city.chance.choice(city.articles)
    row = {
        "turn_id": key[:32], "person_id": person, "owner": "question", "intent": article.intents[0], "created_at": at,
    }  # fmt: skip
    said = {"author": "person", "kind": "text", "body": {"text": city.chance.choice(article.questions)}, "dedup": key}
    heard = {"probability": city.chance.uniform(0.7, 0.99), "band": "answer"}
    answer = {"author": "bot", "kind": "reply", "body": [{"text": article.answer}], "articles": article.id}
    conversations.add(conn, [row | said | heard, row | answer])
    return 2


def _files(conn: Connection, city: City, person: int, region: str, at: datetime) -> None:
    form = city.chance.choice(city.forms)
    data = [[slot.label, slot.options[0][0] if slot.options else "演练内容"] for slot in form.slots]
    number = cases.open_case(
        conn, kind=form.name, title=form.title, region=region, team=form.team, data=data, at=at, person_id=person,
        phone=f"1390000{city.chance.randrange(10_000):04d}", first_clock=timedelta(hours=form.first_hours),
    )  # fmt: skip
    case = cases.by_number(conn, number)
    for step, state in enumerate(city.chance.choice(_WAYS)):
        later = min(city.now, at + timedelta(hours=5 * (step + 1)))
        if case is not None:
            actor = "person" if state == "withdrawn" else f"staff:{city.chance.choice(city.desk)}"
            cases.move(conn, case.id, state, actor, later, text="已联系本人" if state != "withdrawn" else None)


def _asks_for_staff(conn: Connection, city: City, person: int, region: str, at: datetime, key: str) -> None:
    team = city.chance.choice(("general", "permits", "labour", "rooms"))
    handoffs.ask(conn, person, team=team, reason="asked", at=at, region=region)
    chat = handoffs.open_of(conn, person)
    if chat is None or at > city.now - timedelta(hours=2):
        return  # still waiting
    owner, taken = city.chance.choice(city.desk), at + timedelta(minutes=city.chance.randrange(1, 20))
    handoffs.claim(conn, chat.id, owner, taken)
    said = {
        "turn_id": f"{key}-s"[:32], "person_id": person, "author": "staff", "staff_id": owner, "kind": "text",
        "body": {"text": city.chance.choice(_STAFF_SAYS)}, "owner": "staff", "created_at": taken + timedelta(minutes=1),
    }  # fmt: skip
    conversations.add(conn, [said])
    handoffs.replied(conn, chat.id, taken + timedelta(minutes=1))
    closed = taken + timedelta(minutes=city.chance.randrange(4, 30))
    handoffs.close(conn, chat.id, city.chance.choice(("resolved", "advised", "referred")), closed)
    if ratings.ask(conn, chat, closed) and city.chance.random() < 0.5:
        ratings.answer(
            conn, person, f"rate:{chat.id}:{city.chance.choice((3, 3, 3, 2, 1))}", closed + timedelta(minutes=3)
        )


def _in_danger(conn: Connection, city: City, person: int, region: str, at: datetime, key: str) -> None:
    handoffs.ask(conn, person, team="psychology", reason="crisis", at=at, region=region, urgent=True)
    handoffs.raise_alarm(conn, person, f"{key}-0"[:32], 0.98, "detector", at)
    chat = handoffs.open_of(conn, person)
    if chat is not None and at < city.now - timedelta(hours=2):  # the last ones are still open
        handoffs.claim(conn, chat.id, city.desk[0], at + timedelta(minutes=1))
        handoffs.close(conn, chat.id, "referred", at + timedelta(minutes=40))


def _village(conn: Connection, city: City, number: int) -> dict[str, int]:
    region = city.regions[number % len(city.regions)]
    village = (*_TOWNS[region], f"演练{1 + number // len(city.regions)}街道", f"样板{number + 1}村")
    if places.children(conn, places.ensure(conn, village)):
        return {"known": 1}
    owner = _landlord(conn, city, number)
    made: list[int] = []
    for house in range(1, 5):
        building = places.ensure(conn, (*village, f"第{1 + house // 3}网格", f"{house}号楼"))
        letters = places.letters("/".join(village))
        for room, short in enumerate(room_codes.reserve_short(conn, letters, 6)):
            values = {
                "building_id": building, "number": f"{1 + room // 3}0{1 + room % 3}", "kind": "house",
                "area_m2": city.chance.randrange(10, 40), "beds": city.chance.randrange(1, 5), "landlord_id": owner,
                "employer_id": None, "state": "open", "created_at": city.now, "updated_at": city.now, "short": short,
            }  # fmt: skip
            made.append(conn.execute(insert(Room).returning(Room.id), values).scalar_one())
    room_codes.issue(conn, made, city.now)
    return {"villages": 1, "rooms": len(made), "tenants": sum(_tenants(conn, city, made, number))}


def _landlord(conn: Connection, city: City, number: int) -> int:
    name, phone = f"房东{_FAMILY[number % len(_FAMILY)]}{number}", f"1390001{number:04d}"
    known = conn.execute(select(Landlord.id).where(Landlord.key == rooms.landlord_key(name, phone))).scalar()
    values = {"key": rooms.landlord_key(name, phone), "name": name, "phone": phone,
              "phone_hash": rooms.phone_hash(phone), "created_at": city.now}  # fmt: skip
    return known or int(conn.execute(insert(Landlord).returning(Landlord.id), values).scalar_one())


def _tenants(conn: Connection, city: City, made: list[int], village: int) -> Iterator[int]:
    for index, room in enumerate(made):
        if city.chance.random() < 0.3:
            continue  # empty, or nobody has registered
        born = date(1960, 1, 1) + timedelta(days=city.chance.randrange(16_000))
        number = checked(f"990101{born:%Y%m%d}{(village * 24 + index) % 1000:03d}")
        name = city.chance.choice(_FAMILY) + city.chance.choice(_GIVEN)
        resident = Resident(
            "self", name, "id", number, f"1390002{(village * 24 + index) % 10_000:04d}", birth_of(number)
        )
        moved_in = city.now.date() - timedelta(days=city.chance.randrange(1, 300))
        form = filing.Form(key=f"city-{village}-{index}-rehearsal", residents=[resident], moved_in=moved_in, source="desk",
                           actor="command:seed")  # fmt: skip
        receipt = filing.file(conn, room, form, _moment(city))
        if city.chance.random() < 0.6:
            for row in declarations.of_filing(conn, receipt.filing_id):
                declarations.move(conn, row.id, "confirmed", "command:seed", city.now)
        yield 1
