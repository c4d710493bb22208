"""An invented day at the desk: people who ask, staff who answer, cases, notices. For pictures and for judging every view.

`play(service)` fills an empty, migrated database; nobody in it is real.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from itertools import count
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import select, update

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from records import (
    bulletins,
    canned,
    case_files,
    cases,
    declarations,
    demo_rooms,
    handoffs,
    hours,
    notes,
    people,
    pictures,
    presence,
    public_answers,
    ratings,
    same_person,
    staff,
    staff_words,
    subscriptions,
    switches,
)
from records.base import read, write
from records.conversations import Message
from records.declarations import Declaration
from records.outbox import Outgoing
from staff import passwords, sweeps

PASSWORD = "rehearsal-2026"
ACCOUNTS = (
    ("supervisor", "陆远", "supervisor", tuple(staff.TEAMS)),
    ("counsellor", "林安", "counsellor", ("psychology", "general")),
    ("officer", "周正", "officer", ("permits", "rooms", "general")),
    ("labour", "何勤", "officer", ("labour", "general")),
    ("desk", "小叶", "front_desk", ("rooms", "general")),
    ("editor", "许知", "editor", ("general",)),
    ("reviewer", "沈明", "reviewer", ("general",)),
    ("admin", "管理员", "administrator", tuple(staff.TEAMS)),
)
PAST = (
    "居住证怎么签注", "孩子上小学要什么材料", "老板拖欠工资怎么办", "租房怎么登记", "社保怎么转", "积分怎么算",
    "居住证怎么办", "工伤怎么认定", "打疫苗去哪里", "你好",
)  # fmt: skip
WAITING = (
    ("w-2", "老板拖欠工资三个月了，该找谁", "labour"), ("w-3", "孩子九月上小学，要什么材料", "schools"),
    ("w-4", "房东不给登记怎么办", "rooms"), ("w-5", "积分申请什么时候开始", "permits"), ("w-6", "社保断了两个月怎么补", "labour"),
)  # fmt: skip


def photo() -> bytes:
    """A drawn stand-in for a photo: a corridor with a bicycle in it."""
    image = Image.new("RGB", (800, 600), (214, 209, 199))
    draw = ImageDraw.Draw(image)
    draw.polygon([(0, 600), (250, 330), (550, 330), (800, 600)], fill=(168, 160, 148))
    draw.rectangle([300, 120, 500, 330], fill=(120, 132, 140))
    for x in (250, 430):
        draw.ellipse([x, 380, x + 130, 510], outline=(40, 48, 56), width=12)
    draw.line([(315, 445), (370, 370), (450, 370), (495, 445)], fill=(150, 40, 34), width=14)
    out = BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def play(service: Service) -> dict[str, int]:
    """Fill the place. Returns ids that pictures need: `chat`, `crisis`, `closed`, `case`."""
    now = clock.now()
    ids = _accounts(service, now)
    keys = count()
    _past(service, ids, now, keys)
    made = _today(service, ids, keys)
    _paper_work(service, ids, made, now)
    with clock.frozen(now + timedelta(minutes=1)):
        sweeps.index(service)
    return made


def _accounts(service: Service, now: datetime) -> dict[str, int]:
    hashed, ids = passwords.hashed(PASSWORD), {}
    with write(service.engine) as conn:
        for login, name, role, teams in ACCOUNTS:
            ids[login] = staff.create(conn, login, name, role, hashed, now - timedelta(days=40), teams=teams)
        for login in ("officer", "labour", "counsellor"):
            presence.declare(conn, ids[login], "on", now)
        presence.declare(conn, ids["desk"], "busy", now)
        demo_rooms.seed(conn, now)
        for shortcut, title, text in (
            ("nh", "问好", "您好，我是{我}，请问要办什么？"),
            ("cl", "要带的材料", "请带身份证原件和租房合同，到{地区}的窗口来办。"),
            ("sd", "稍等", "请稍等，我查一下，五分钟内回您。"),
        ):  # fmt: skip
            canned.add(conn, shortcut, title, text, now, category="居住证" if shortcut == "cl" else "")
        day = now.date() + timedelta(days=20)
        for n in range(3):
            hours.set_day(conn, day + timedelta(days=n), "", "元旦放假")
        hours.set_day(conn, day + timedelta(days=4), "08:30-17:30", "调休上班")
        start = now.replace(hour=8, minute=30, second=0, microsecond=0)
        for n, login in enumerate(("officer", "labour", "counsellor")):
            shift = start + timedelta(days=n // 3)
            hours.add_shift(conn, ids[login], shift, shift + timedelta(hours=9), on_call=login == "counsellor")
    return ids


def _say(service: Service, keys: Iterator[int], sender: str, text: str, channel: str = "wechat", **more: Any) -> int:
    inbound = Inbound(
        channel=channel, sender=sender, key=f"scene:{next(keys)}", kind=more.pop("kind", "text"), sent_at=clock.now(),
        text=text, window="message", **more,
    )  # fmt: skip
    return turn.take(service, inbound).person_id


def _open(service: Service, person: int) -> Any:
    with read(service.engine) as conn:
        row = handoffs.open_of(conn, person)
        assert row is not None
        return conn.execute(
            select(handoffs.Handoff.__table__, people.Person.channel)
            .join(people.Person, people.Person.id == handoffs.Handoff.person_id)
            .where(handoffs.Handoff.id == row.id)
        ).one()


def _past(service: Service, ids: dict[str, int], now: datetime, keys: Iterator[int]) -> None:
    """Two weeks of ordinary days, for reports and the quality sample."""
    for back in range(13, 0, -1):
        at = (now - timedelta(days=back)).replace(hour=10, minute=0)
        with clock.frozen(at):
            for n in range(3 + (back * 7) % 6):
                _say(service, keys, f"p-{back}-{n}", PAST[(back + n) % len(PAST)])
            person = _say(service, keys, f"p-{back}-0", "转人工")
        chat = _open(service, person)
        who = ids["labour"] if chat.team == "labour" else ids["officer"]
        with write(service.engine) as conn:
            handoffs.claim(conn, chat.id, who, at + timedelta(seconds=20 + 9 * back))
            handoffs.log(conn, chat.id, f"staff:{who}", "claimed", at + timedelta(seconds=20 + 9 * back))
            staff_words.say(
                conn,
                chat,
                who,
                "您好，材料我看过了，带原件来就行。",
                f"past-{back}-0001",
                at + timedelta(minutes=1, seconds=back),
            )
            handoffs.close(conn, chat.id, "resolved", at + timedelta(minutes=6 + back))
            handoffs.log(conn, chat.id, f"staff:{who}", "closed", at + timedelta(minutes=6 + back), "已解决")
            if back % 3 and ratings.ask(conn, chat, at + timedelta(minutes=7 + back)):
                ratings.answer(conn, person, f"rate:{chat.id}:{3 if back % 4 else 2}", at + timedelta(minutes=9 + back))


def _today(service: Service, ids: dict[str, int], keys: Iterator[int]) -> dict[str, int]:
    now, made = clock.now(), {}
    with clock.frozen(now - timedelta(minutes=23)):
        first = _say(service, keys, "w-1", "居住证下个月到期，怎么签注")
        with write(service.engine) as conn:
            people_region(conn, first, "fenghua")
        _say(service, keys, "w-1", "房东去外地了，还能办吗")
        _say(service, keys, "w-1", "转人工")
    chat = _open(service, first)
    made["chat"] = chat.id
    folder = service.settings.data_dir
    with write(service.engine) as conn:
        at = now - timedelta(minutes=21)
        handoffs.claim(conn, chat.id, ids["officer"], at)
        handoffs.log(conn, chat.id, f"staff:{ids['officer']}", "claimed", at)
        staff_words.say(
            conn,
            chat,
            ids["officer"],
            "您好，我是奉化窗口的周正。房东在外地也能办：请他给您一份租房合同的照片。",
            "today-0001",
            at + timedelta(minutes=1),
        )
        handoffs.label(conn, chat.id, "签注 补材料")
    with clock.frozen(now - timedelta(minutes=12)):
        _say(service, keys, "w-1", "合同在这里，我的电话13900001234")
        _say(service, keys, "w-1", "", kind="image", media=pictures.keep(folder, pictures.redrawn(photo())))
    with write(service.engine) as conn:
        notes.add(
            conn,
            first,
            chat.id,
            ids["labour"],
            staff_words.last_id(conn, first),
            "@supervisor 这位上月也来过，合同到期日要核对一下",
            now - timedelta(minutes=9),
        )
        conn.execute(
            update(Message)
            .where(Message.staff_id == ids["officer"], Message.created_at > now - timedelta(hours=1))
            .values(kind="text")
        )
    for n, (sender, words, _team) in enumerate(WAITING):
        with clock.frozen(now - timedelta(minutes=9 - n)):
            channel = "web" if n % 2 else "wechat"
            _say(service, keys, sender, words, channel)
            _say(service, keys, sender, "转人工", channel)
    with clock.frozen(now - timedelta(minutes=40)):
        sad = _say(service, keys, "w-8", "我不想活了，想从楼上跳下去")
    crisis = _open(service, sad)
    made["crisis"] = crisis.id
    with write(service.engine) as conn:
        handoffs.claim(conn, crisis.id, ids["counsellor"], now - timedelta(minutes=39))
        handoffs.log(conn, crisis.id, f"staff:{ids['counsellor']}", "claimed", now - timedelta(minutes=39))
        staff_words.say(
            conn,
            crisis,
            ids["counsellor"],
            "我在，您慢慢说。您现在一个人吗？",
            "today-0002",
            now - timedelta(minutes=38),
        )
        handoffs.log(conn, crisis.id, f"staff:{ids['counsellor']}", "safety", now - timedelta(minutes=15),
                     "现在安全吗：安全；身边有人吗：有人陪着；接下来：林安今晚九点再打电话，社区明早上门")  # fmt: skip
        switches.change(conn, "approve_intents", ["points_application", "points_query"], "staff:1", now)
    service.switches._read_at = float("-inf")
    with clock.frozen(now - timedelta(minutes=3)):
        _say(service, keys, "w-9", "积分怎么申请，要什么条件")
        _say(service, keys, "w-10", "怎么申请积分入学", "web")
    with write(service.engine) as conn:
        other = people.find(conn, "web", "w-3")
        if other is not None:
            same_person.merge(conn, first, other.id, ids["officer"], now)
        conn.execute(update(Outgoing).values(state="delivered", settled_at=now))
        made["closed"] = int(
            conn.execute(
                select(handoffs.Handoff.id)
                .where(handoffs.Handoff.state == "closed")
                .order_by(handoffs.Handoff.id.desc())
                .limit(1)
            ).scalar_one()
        )
        home = conn.execute(select(Declaration.id).where(Declaration.state == "confirmed").limit(1)).scalar_one()
        conn.execute(update(declarations.Declaration).where(Declaration.id == home).values(person_id=first))
    made["person"] = first
    return made


def people_region(conn: Any, person_id: int, region: str) -> None:
    """Where somebody lives."""
    conn.execute(update(people.Person).where(people.Person.id == person_id).values(region=region))


_CASES = (
    ("hazard", "出租房隐患举报", "fenghua", "rooms", "第1网格", 30, "filed"),
    ("hazard", "出租房隐患举报", "fenghua", "rooms", "第2网格", 20, "working"),
    ("wages", "欠薪登记", "cixi", "labour", None, 60, "accepted"),
    ("suggestion", "意见建议", "xiangshan", "general", None, 70, "resolved"),
    ("residence", "居住登记申请", "haishu", "rooms", "第3网格", 5, "returned"),
    ("wages", "欠薪登记", "beilun", "labour", None, 2, "filed"),
)
_WAY = {"filed": (), "accepted": ("accepted",), "working": ("accepted", "working"), "resolved": ("accepted", "resolved"),
        "returned": ("returned",)}  # fmt: skip


def _paper_work(service: Service, ids: dict[str, int], made: dict[str, int], now: datetime) -> None:
    with write(service.engine) as conn:
        for n, (kind, title, region, team, grid, back, state) in enumerate(_CASES):
            at = now - timedelta(hours=back)
            number = cases.open_case(
                conn, kind=kind, title=title, region=region, team=team, at=at, phone="13900001234", grid=grid,
                person_id=made["person"] if n == 0 else None,
                data=[["姓名", "钱小七"], ["电话", "13900001234"], ["地点", "样板村1号楼"], ["什么情况", "楼道里停满电瓶车，灭火器过期了"]],
            )  # fmt: skip
            row = cases.by_number(conn, number)
            assert row is not None
            for step, to in enumerate(_WAY[state]):
                cases.move(
                    conn,
                    row.id,
                    to,
                    f"staff:{ids['officer']}",
                    at + timedelta(hours=step + 1),
                    text="已处理" if to in ("resolved", "returned") else None,
                )
            if n == 0:
                made["case"] = row.id
                name = pictures.keep(service.settings.data_dir, pictures.redrawn(photo()))
                case_files.add(conn, row.id, name, "image/jpeg", "现场照片", ids["officer"], now)
                cases.note(conn, row.id, f"staff:{ids['officer']}", "comment", now, text="已电话联系房东，约了明天上门")
        _notices(conn, ids, now)


def _notices(conn: Any, ids: dict[str, int], now: datetime) -> None:
    for n in range(24):
        people.add(conn, "web" if n % 3 else "wechat", f"sub-{n}", now)
        row = people.find(conn, "web" if n % 3 else "wechat", f"sub-{n}")
        assert row is not None
        subscriptions.add(
            conn, row.id, "points_application" if n < 15 else "school_enrollment", "cixi", now - timedelta(days=2)
        )
    common = {"regions": ["cixi", "ningbo"], "path": "/services", "rate": 60, "by": ids["editor"], "at": now}
    first = bulletins.write(
        conn,
        topic="points_application",
        title="积分申评开始了",
        words="慈溪市积分申评即日起到月底受理，带居住证和社保记录到窗口。",
        **common,
    )
    second = bulletins.write(
        conn,
        topic="school_enrollment",
        title="入学报名提前三天",
        words="今年小学报名提前三天，材料清单点开看。",
        **common,
    )
    bulletins.write(
        conn, topic="job_seeking", title="周六招聘会", words="周六上午九点，人民广场，六十家工厂来招人。", **common
    )
    for bulletin in (first, second):
        bulletins.move(conn, bulletin, "review", ids["editor"], now)
    bulletins.move(conn, first, "sending", ids["reviewer"], now)
    row = bulletins.get(conn, first)
    assert row is not None
    bulletins.step(conn, row, 30, now)
    conn.execute(update(bulletins.BulletinSend).where(bulletins.BulletinSend.id % 7 == 0).values(fate="refused"))
    conn.execute(update(bulletins.BulletinSend).where(bulletins.BulletinSend.fate == "queued").values(fate="delivered"))
    for title, question, answer, state in (
        ("石浦车站路口的路灯", "晚上十点下班，路口很黑，走路害怕。", "已装好三盏路灯，11月起每晚亮到天亮。", "published"),
        ("工业园区的公交末班车", "末班车六点半，我们七点才下班。", "从下月起末班车延到八点，路线不变。", "review"),
    ):  # fmt: skip
        made = public_answers.write(
            conn, kind="asked", region="xiangshan", title=title, question=question, answer=answer, office="石浦镇政府",
            by=ids["editor"], at=now,
        )  # fmt: skip
        public_answers.move(conn, made, "review", ids["editor"], now)
        if state == "published":
            public_answers.move(conn, made, "published", ids["reviewer"], now)


VIEWS = {
    "supervisor": (
        ("inbox", "inbox?view=team"), ("inbox-empty", "inbox?view=mine"), ("inbox-closed", "inbox?view=closed"),
        ("chat-watched", "chat/{chat}"), ("crisis", "crisis"), ("crisis-chat", "chat/{crisis}"),
        ("crisis-safety", "chat/{crisis}/safety"), ("drafts", "drafts"), ("mentions", "mentions"),
        ("cases", "cases"), ("cases-board", "cases?look=board"), ("cases-due", "cases?look=board&by=due"), ("case", "cases/{case}"), ("search", "search?q=居住证"), ("search-empty", "search"),
        ("rooms", "rooms"), ("knowledge", "knowledge"), ("points", "points"), ("notices", "notices"),
        ("answers", "answers"), ("watch", "watch"), ("quality", "quality"), ("quality-score", "quality/{closed}"),
        ("reports", "reports"), ("switches", "switches"), ("hours", "hours"), ("canned", "canned"), ("audit", "audit"),
        ("account", "account"), ("second-factor", "account/second-factor"),
    ),
    "officer": (("chat", "chat/{chat}"), ("error", "chat/99999")),
    "admin": (("people", "people"),),
    "": (("login", "login"),),
}  # fmt: skip
"""Every view by who looks at it: its picture's name and its address under /staff; `""`: nobody is logged in."""
