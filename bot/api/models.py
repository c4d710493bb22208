"""What goes over the wire, by name: the shapes that requests are checked against and the description is made from.

Text that is shown to people says so; everything else is for programs. Times are ISO 8601 with an offset.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=60)]
RegionKey = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,24}$")]


def example(**fields: Any) -> ConfigDict:
    """The configuration of a request that must hold exactly what is named, with an example."""
    return ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [fields]})


def shown(**fields: Any) -> ConfigDict:
    """The configuration of an answer, with an example."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Fault(BaseModel):
    """One field and what is wrong with it."""

    where: str = Field(description="哪一项（JSON Pointer）")
    what: str = Field(description="哪里不对、怎么改，给人看的")


class ProblemBody(BaseModel):
    """A refusal (RFC 9457)."""

    model_config = shown(
        type="/api/v1/docs#invalid", title="有些内容要改", status=422, code="invalid", detail="请改好标出的几项再发。",
        faults=[{"where": "/people/0/phone", "what": "手机号应是11位，以1开头"}],
    )  # fmt: skip

    type: str
    title: str
    status: int
    code: str = Field(description="给程序判断用，不会改")
    detail: str = Field(description="可以直接给人看")
    faults: list[Fault] | None = None


# --- signing in


class LoginCode(BaseModel):
    """What wx.login gave."""

    model_config = example(code="0a3Kb000example0a3Kb01")

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")] = Field(
        description="wx.login 得到的 code，五分钟内用一次"
    )


class Signed(BaseModel):
    """A new session."""

    model_config = shown(
        **{"token": "kW3vT0example0token0example0token0example00"},
        expires_at="2026-11-22T22:00:00+08:00",
        idle_seconds=7200,
    )

    token: str = Field(description="以后每次放在 Authorization: Bearer 后面；只在这里出现一次")
    expires_at: datetime = Field(description="最晚到什么时候")
    idle_seconds: int = Field(description="这么多秒没有用，也要重新登录")


class Session(BaseModel):
    """The session in use."""

    model_config = shown(ends_at="2026-11-22T14:00:00+08:00", region="haishu", line=None)

    ends_at: datetime = Field(description="不再使用的话，到什么时候")
    region: str | None = Field(default=None, description="记住的地区")
    line: str | None = Field(default=None, description="waiting：在等工作人员；claimed：工作人员在接待")


class Everywhere(BaseModel):
    """Which sessions to end."""

    model_config = ConfigDict(extra="forbid")

    everywhere: bool = Field(default=False, description="true：这个人的所有登录都退出")


# --- talking


class Said(BaseModel):
    """One message of the person's."""

    model_config = example(key="m-0001-a8Zk2", text="居住证快到期了怎么办")

    key: Key = Field(description="这条消息自己的编号；重发用同一个，不会办两次")
    text: Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None = Field(
        default=None, description="打的字；和 choice 二选一"
    )
    choice: Annotated[str, StringConstraints(min_length=1, max_length=120)] | None = Field(
        default=None, description="点了哪个选项（上一次回答给的 id）"
    )


class Part(BaseModel):
    """A piece of a text, or a phone number to be dialled."""

    text: str | None = None
    tel: str | None = Field(default=None, description="可以直接拨的电话")


class Option(BaseModel):
    """Something to tap."""

    label: str
    id: str


class PageLink(BaseModel):
    """A page of the service's site."""

    label: str
    path: str


class Message(BaseModel):
    """One bubble of the conversation."""

    model_config = shown(
        id="42.0", by="bot", seq=42, at="2026-11-22T10:00:00+08:00", parts=[{"text": "居住证每年签注一次……"}],
        source="依据：《……条例》第X条（2026-01-01起施行）", choices=[{"label": "要带什么", "id": "permit_renewal/papers"}],
    )  # fmt: skip

    id: str
    by: Literal["me", "bot", "staff"]
    seq: int = Field(description="下次从这里往后取")
    at: datetime
    parts: list[Part]
    source: str | None = Field(default=None, description="依据，请用小字显示")
    choices: list[Option] | None = None
    links: list[PageLink] | None = None
    urgent: bool | None = Field(default=None, description="true：请放大显示，电话放最上面")
    name: str | None = Field(default=None, description="工作人员的称呼")
    photo: str | None = None
    key: str | None = Field(default=None, description="自己发的消息的 key")


class Conversation(BaseModel):
    """What was said."""

    messages: list[Message]
    line: str | None = Field(default=None, description="waiting：在等工作人员；claimed：工作人员在接待")


class After(BaseModel):
    """From where on."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(default=0, ge=0, le=2**53, description="上次最大的 seq")


# --- rooms


class ConsentTexts(BaseModel):
    """What must be read and agreed to before a declaration."""

    version: str
    text: str
    guardian: str = Field(description="为不满14岁的孩子登记时要同意的")
    on_behalf: str = Field(description="替同住的成年人登记时要同意的")


class Room(BaseModel):
    """What a room's code says; never who lives there."""

    model_config = shown(
        code="NB-FH-000123", address="宁波市奉化区……1幢101", how="token", most_people=10,
        consent={"version": "2026-11", "text": "……", "guardian": "……", "on_behalf": "……"},
    )  # fmt: skip

    code: str
    address: str
    how: Literal["token", "short"] = Field(description="扫码（token）还是手输编号（short）")
    most_people: int = Field(description="一次最多登记几个人")
    consent: ConsentTexts


class Occupant(BaseModel):
    """One person to be declared."""

    model_config = example(
        relation="self", name="王小二", paper="id", number="990101199001010019", phone="19900000001"
    )  # fmt: skip

    relation: Literal["self", "spouse", "child", "parent", "other"] = Field(description="和申报人的关系")
    name: Annotated[str, StringConstraints(min_length=2, max_length=40)]
    paper: Literal["id", "other", "none"] = Field(default="id", description="证件：身份证、其他、没有")
    number: Annotated[str, StringConstraints(max_length=30)] = Field(default="", description="证件号码")
    phone: Annotated[str, StringConstraints(max_length=20)] = Field(default="", description="手机号；本人必填")
    born: date | None = Field(default=None, description="出生日期；不是身份证时填")


class Agreed(BaseModel):
    """What was agreed to."""

    model_config = example(version="2026-11", guardian=False, on_behalf=False)

    version: Annotated[str, StringConstraints(max_length=12)] = Field(description="看到并同意的那一版")
    guardian: bool = Field(default=False, description="是孩子的监护人，同意为他登记")
    on_behalf: bool = Field(default=False, description="同住的成年人知道并同意")


class Declaration(BaseModel):
    """A declaration of who lives in a room."""

    model_config = example(
        key="form-7d1c0a8Zk2Q9xLpo",
        moved_in="2026-11-20",
        alone=False,
        people=[
            {"relation": "self", "name": "王小二", "paper": "id", "number": "990101199001010019", "phone": "19900000001"}
        ],
        consent={"version": "2026-11", "guardian": False, "on_behalf": False},
    )  # fmt: skip

    key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")] = Field(
        description="这张表自己的编号；重发用同一个，只登记一次"
    )
    moved_in: date | None = Field(default=None, description="哪天搬进来；不填是今天")
    alone: bool = Field(default=False, description="true：这间房没有别人住了")
    people: Annotated[list[Occupant], Field(min_length=1, max_length=20)]
    consent: Agreed


class Receipt(BaseModel):
    """What became of a declaration."""

    model_config = shown(number="FH-20261122-0042", again=False, next="社区工作人员核对后会告诉您结果。")

    number: str = Field(description="回执编号")
    again: bool = Field(description="true：同一张表以前收到过")
    next: str = Field(description="接下来会怎样，给人看的")


class OwnDeclaration(BaseModel):
    """One's own declaration; numbers are masked."""

    number: str
    name: str
    relation: str
    address: str
    state: str
    state_words: str
    moved_in: date
    until: date
    paper_number: str
    reason: str | None = Field(default=None, description="为什么退回")


class OwnDeclarations(BaseModel):
    """What the caller declared."""

    declarations: list[OwnDeclaration]


# --- cases


class CaseStep(BaseModel):
    """One step that the person may see."""

    at: datetime
    action: str
    words: str
    text: str | None = None


class Case(BaseModel):
    """A case at a glance."""

    model_config = shown(
        number="FH-20261122-0007", title="欠薪线索", state="working", state_words="正在办理", filed_at="2026-11-22T10:00:00+08:00"
    )  # fmt: skip

    number: str
    title: str
    state: str
    state_words: str = Field(description="给人看的")
    filed_at: datetime
    closed_at: datetime | None = None


class WholeCase(Case):
    """A case with its answers and its history."""

    model_config = shown(
        number="FH-20261122-0007", title="欠薪线索", state="accepted", state_words="已受理", filed_at="2026-11-22T10:00:00+08:00",
        answers=[["金额", "9000元"]], history=[{"at": "2026-11-22T11:00:00+08:00", "action": "accepted", "words": "已受理"}],
    )  # fmt: skip

    answers: list[tuple[str, str]] = Field(description="当时填的：问题、回答")
    history: list[CaseStep]


class Cases(BaseModel):
    """The caller's own cases."""

    cases: list[Case]


# --- facts


class Place(BaseModel):
    """A place that answers can hold for."""

    key: str
    name: str
    parent: str | None = None


class Places(BaseModel):
    """All places."""

    regions: list[Place]


class Asked(BaseModel):
    """A search."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="想问的话", examples=["居住证怎么办"]
    )
    region: RegionKey = Field(default="ningbo", description="地区（/regions 里的 key）", examples=["haishu"])
    limit: int = Field(default=3, ge=1, le=10)


class Answer(BaseModel):
    """An article that answers."""

    id: str
    title: str
    answer: str
    source: str = Field(description="依据，要和回答一起显示")
    region: str
    aspect: str
    papers: list[str] | None = None
    steps: list[str] | None = None
    score: float = Field(description="只在这一次搜索里可比")


class Answers(BaseModel):
    """What was found; empty when nothing fits. Better to offer a person than to guess."""

    answers: list[Answer]


class Where(BaseModel):
    """A place."""

    model_config = ConfigDict(extra="forbid")

    region: RegionKey = Field(default="ningbo", description="地区（/regions 里的 key）", examples=["zhongshan"])


class RuleInput(BaseModel):
    """Something the estimate needs to know."""

    name: str
    label: str
    kind: Literal["date", "number", "yesno", "choice"]
    choices: list[str] | None = None
    needed: bool


class PointsForm(BaseModel):
    """What the estimate asks for in a place."""

    title: str
    region: str
    inputs: list[RuleInput]


class PointsAsked(BaseModel):
    """What is known."""

    model_config = example(region="zhongshan", given={})

    region: RegionKey = Field(default="ningbo")
    given: Annotated[
        dict[
            Annotated[str, StringConstraints(max_length=40)],
            Annotated[str, StringConstraints(max_length=40)] | int | float | bool,
        ],
        Field(max_length=40),
    ] = Field(description="按 inputs 的 name 填；日期写 2026-07-01")


class Estimate(BaseModel):
    """The outcome with its trace; no result where a number of the law isn't established: then `because` says why."""

    model_config = shown(
        title="中山积分估算", region="zhongshan", on="2026-11-22", result="85", because=None,
        trace=["……10分，依据《……》第X条"], note="以窗口核定为准。",
    )  # fmt: skip

    title: str
    region: str
    on: date = Field(description="按哪一天有效的规定算")
    result: str | None = Field(default=None, description="算不出来时没有")
    because: str | None = Field(default=None, description="为什么算不出来，给人看的")
    trace: list[str] = Field(description="怎么算的，一步一句，带依据")
    note: str


class Wanted(BaseModel):
    """A search for work."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, StringConstraints(max_length=60)] = Field(default="", description="岗位、单位或要求里的字")
    region: RegionKey = Field(default="ningbo", description="地区和它下面的", examples=["haishu"])
    pay: int = Field(default=0, ge=0, le=100_000, description="月薪至少多少元")
    limit: int = Field(default=20, ge=1, le=50)
    after: int = Field(default=0, ge=0, le=10_000, description="跳过前面多少条")


class Vacancy(BaseModel):
    """One post."""

    model_config = shown(
        title="缝纫工", firm="试衣厂", region="haishu", place="海曙区……", pay_from=5000, pay_to=7000, people=10,
        wants="熟手优先", contact="0574-00000000", until="2026-12-31",
    )  # fmt: skip

    title: str
    firm: str
    region: str
    place: str
    pay_from: int | None = None
    pay_to: int | None = None
    people: int | None = None
    wants: str
    contact: str
    until: date


class Vacancies(BaseModel):
    """Open posts, as the employment service loaded them."""

    vacancies: list[Vacancy]


# --- oneself


class Export(BaseModel):
    """Everything that is held about the caller."""

    exported_at: datetime
    data: dict[str, Any] = Field(description="和“我的记录”页面导出的相同")


class Sure(BaseModel):
    """Deletion must be meant."""

    model_config = ConfigDict(extra="forbid")

    sure: Literal["yes"] = Field(description="写 yes 才会删除", examples=["yes"])


class Erased(BaseModel):
    """What was deleted and what stays."""

    held: bool = Field(description="true：工作人员正在帮您，结束后自动删除")
    cases_kept: int = Field(description="留存备查、去掉了姓名电话的事项")
    words: str = Field(description="给人看的说明")
