"""Where somebody lives, by talking: no ID number in the chat, nothing done unconfirmed, nobody else's touched; and what a
chat leaves behind: a rating, the nearest place."""

from dataclasses import replace
from datetime import date, datetime

import pytest

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from knowledge_base.places import Place
from records import declarations, demo_rooms, filing, handoffs, people, ratings, rooms
from records.base import read, write
from records.residents import Resident

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=clock.CHINA)
SELF = "990101198001012354"


class Phone:
    """One person and what is said to him."""

    def __init__(self, service: Service, sender: str = "p-anna") -> None:
        self.service, self.sender, self.count, self.taken = service, sender, 0, None

    def say(self, text: str = "", **more: object) -> str:
        self.count += 1
        inbound = Inbound(channel="web", sender=self.sender, key=f"m:{self.count}", kind="text", sent_at=NOW, text=text)
        with clock.frozen(NOW):
            self.taken = turn.take(self.service, replace(inbound, **more))
        replies = self.taken.replies
        return "\n".join(
            [r.text for r in replies] + [c.label for r in replies for c in r.choices] + [x.path for r in replies for x in r.links]
        )  # fmt: skip

    def tap(self, choice: str) -> str:
        return self.say("", choice=choice)


@pytest.fixture
def village(service: Service) -> list[str]:
    """Short codes of a village's rooms."""
    with write(service.engine) as conn:
        demo_rooms.seed(conn, NOW)
        found = conn.execute(rooms.listing().where(rooms.Room.state == "open").order_by(rooms.Room.id)).all()
    return [row.short for row in found]


@pytest.fixture
def anna(service: Service, village: list[str]) -> Phone:
    """Somebody who has declared herself and a child of six in the second room by its page."""
    phone = Phone(service)
    phone.say("你好")
    with write(service.engine) as conn:
        person = people.find(conn, "web", "p-anna")
        found = rooms.find(conn, village[1])
        household = [
            Resident("self", "安娜", "id", demo_rooms.checked(SELF[:17]), "13800001111", date(1980, 1, 1)),
            Resident("child", "小安", "none", "", "", date(2020, 5, 1)),
        ]
        form = filing.Form(key="k" * 20, residents=household, moved_in=date(2026, 3, 1), person_id=person.id)
        phone.number = filing.file(conn, found.room.id, form, NOW).number
    return phone


def states(service: Service, number: str) -> list[str]:
    with read(service.engine) as conn:
        return [row.state for row in declarations.by_number(conn, number)]


def test_a_typed_code_leads_to_its_page_and_no_id_number_is_asked_for(service: Service, village: list[str]) -> None:
    phone = Phone(service, "p-new")
    seen = phone.say(f"我要登记，房间码{village[0].lower()}")
    assert f"/r/{village[0]}" in seen and "不要发在聊天里" in seen
    assert "没有查到" in phone.say("NB-FH-999999")


def test_who_declared_before_moves_by_talking_and_is_asked_to_consent(
    service: Service, village: list[str], anna: Phone
) -> None:
    seen = anna.say(f"我搬到{village[2]}了")
    assert "不用再填证件号" in seen and "安*" in seen and "全家一起" in seen
    anna.say("全家")
    anna.say("昨天")
    assert "2026年11月21日" in anna.say("入住日期写错了，是前天")
    assert "监护人" in anna.say("跳过")
    anna.say("同意")
    seen = anna.say("同意")
    assert "核对" in seen and "2026年11月21日" in seen
    with read(service.engine) as conn:
        assert all(row.short != village[2] for row in declarations.of_person(conn, anna.taken.person_id))
    seen = anna.say("确认")
    assert "入住登记收到了" in seen and "2个人" in seen
    with read(service.engine) as conn:
        rows = [row for row in declarations.of_person(conn, anna.taken.person_id) if row.short == village[2]]
    assert {row.relation for row in rows} == {"self", "child"} and rows[0].source == "chat"


def test_without_consent_nothing_is_declared(service: Service, village: list[str], anna: Phone) -> None:
    anna.say(f"我搬到{village[2]}了")
    for said in ("只有我", "今天", "跳过"):
        anna.say(said)
    assert "没有提交" in anna.say("不同意")
    with read(service.engine) as conn:
        assert all(row.short != village[2] for row in declarations.of_person(conn, anna.taken.person_id))


def test_a_child_without_papers_is_added_with_its_guardians_consent(
    service: Service, village: list[str], anna: Phone
) -> None:
    anna.say(f"我搬到{village[2]}了")
    for said in ("只有我", "今天", "小小安", "2022年6月1日"):
        seen = anna.say(said)
    assert "监护人" in seen
    anna.say("同意")
    anna.say("同意")
    assert "2个人" in anna.say("确认")


def test_moving_out_is_confirmed_first_and_done_once(service: Service, anna: Phone) -> None:
    seen = anna.say("我昨天搬走了")
    assert anna.number in seen
    seen = anna.say("全家都搬了")
    assert "核对" in seen and "2026年11月22日" in seen
    assert states(service, anna.number) == ["declared", "declared"]
    assert "2个人" in anna.say("对")
    assert states(service, anna.number) == ["moved_out", "moved_out"]


def test_a_wrong_date_is_corrected_by_a_declaration_that_takes_the_old_ones_place(
    service: Service, anna: Phone
) -> None:
    anna.say("我的入住日期写错了")
    anna.say("2026年2月1号")
    seen = anna.say("确认")
    assert "2026年2月1日" in seen and "新编号" in seen
    assert states(service, anna.number) == ["superseded", "superseded"]


def test_nobody_moves_others_out_by_their_number(service: Service, anna: Phone) -> None:
    thief = Phone(service, "p-thief")
    thief.tap(f"form:leave:{anna.number}")
    thief.say("今天")
    assert "什么都没有改动" in thief.say("确认")
    assert states(service, anna.number) == ["declared", "declared"]


def test_a_declaration_is_found_by_its_number_but_its_address_and_by_phone_only_by_whom_it_belongs_to(
    service: Service, anna: Phone
) -> None:
    assert "已申报" in anna.say("我的登记办得怎么样了，编号" + anna.number)
    other = Phone(service, "p-other")
    seen = other.say(f"{anna.number}办好了吗")
    assert anna.number in seen and "已申报" in seen and "号楼" not in seen
    assert anna.number in anna.say("用13800001111查一下办理进度")
    assert anna.number not in other.say("用13800001111查一下办理进度"), "a landlord knows his tenant's number"


def _closed(service: Service, phone: Phone) -> int:
    """A chat with staff that was closed and asked about; its handoff."""
    phone.say("转人工")
    with write(service.engine) as conn:
        handoff = handoffs.open_of(conn, phone.taken.person_id)
        handoffs.close(conn, handoff.id, "done", NOW)
        assert ratings.ask(conn, handoff, NOW)
    return int(handoff.id)


@pytest.mark.parametrize("how", ["tapped", "said", "numbered"])
def test_a_rating_is_taken_once_and_thanked_for(service: Service, how: str) -> None:
    phone = Phone(service)
    handoff = _closed(service, phone)
    choice = f"rate:{handoff}:3"
    seen = {"tapped": lambda: phone.tap(choice), "said": lambda: phone.say("满意"), "numbered": lambda: phone.say("1")}[
        how
    ]()
    assert "谢谢您的评价" in seen
    with read(service.engine) as conn:
        assert ratings.of_handoff(conn, handoff).score == 3
    assert "已经收到过" in phone.tap(f"rate:{handoff}:1")
    with read(service.engine) as conn:
        assert ratings.of_handoff(conn, handoff).score == 3


def test_nobody_rates_for_another(service: Service) -> None:
    handoff = _closed(service, Phone(service))
    other = Phone(service, "p-other")
    assert "谢谢您的评价" not in other.tap(f"rate:{handoff}:1")
    with read(service.engine) as conn:
        assert ratings.of_handoff(conn, handoff).score is None


NEAR = Place(
    key="x-police", region="yinzhou", kind="police", name="演练派出所", address="演练路1号", source="演练", checked_on=date(2026, 11, 1),
    phone="0574-00000000", latitude=29.820, longitude=121.550,
)  # fmt: skip


def shared(phone: Phone, label: str = "") -> str:
    detail = {"latitude": "29.821", "longitude": "121.551", "label": label}
    return phone.say(label, kind="location", detail=detail)


def test_a_shared_location_gets_the_nearest_place_for_the_matter_in_hand(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge = replace(service.knowledge, places=(replace(NEAR, key="far", name="远处派出所", latitude=29.95), NEAR))
    monkeypatch.setattr(type(service), "knowledge", property(lambda _: knowledge))
    phone = Phone(service)
    assert "办什么事" in shared(phone, "宁波市鄞州区演练路")
    phone.say("居住证到期了怎么签注")
    seen = shared(phone, "宁波市鄞州区演练路")
    assert seen.index("演练派出所") < seen.index("远处派出所") and "米" in seen and "0574-00000000" in seen
    with read(service.engine) as conn:
        assert people.find(conn, "web", phone.sender).region == "yinzhou"


def test_where_no_place_is_known_nobody_is_sent_astray(service: Service) -> None:
    phone = Phone(service)
    phone.say("居住证到期了怎么签注")
    assert "不敢乱指路" in shared(phone) and phone.taken.handler == "permit_renewal"
