"""The shape of an article, its sources and a hotline; validate.py makes them out of a file's rows.

Every fault names the file, the article, the field and what is wrong, so that a clerk can mend it:
``zhejiang/permit.yml, article zj-permit-renewal: `next_review` is not a date: 2027-13-01``.
"""

from dataclasses import dataclass
from datetime import date

# What an article is about within its intent, with the words of a button that asks for it. `further` is what people ask
# next, once the plain answer was told; a first question hears it only where it says that very thing.
ASPECTS = {
    "main": "怎么办",
    "who": "谁能办",
    "papers": "要带什么",
    "where": "在哪里办",
    "online": "网上怎么办",
    "time": "要多久",
    "fee": "要多少钱",
    "deadline": "什么时候办",
    "penalty": "会不会罚",
    "proxy": "请人代办",
    "rights": "我有什么权利",
    "amount": "能拿多少",
    "limit": "过期了没有",
    "proof": "要留什么证据",
    "duty": "谁的责任",
    "appeal": "不服怎么办",
    "local": "本地情况",
    "special": "特殊情况",
    "further": "还常问的",
}
STATUSES = ("draft", "in_review", "approved", "published", "due", "withdrawn")
CONFIDENCE = ("high", "medium", "low")
HOTLINE_STATUSES = ("current", "unverified", "obsolete")

MAX_ANSWER = 300  # characters: what is still read on a phone


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file. article and field are empty when the whole file is at fault."""

    file: str
    article: str
    field: str
    fault: str

    def __str__(self) -> str:
        where = f"{self.file}, article {self.article}" if self.article else self.file
        return f"{where}: `{self.field}` {self.fault}" if self.field else f"{where}: {self.fault}"


class KnowledgeError(ValueError):
    """The knowledge base can't be used as it is; `faults` lists everything found."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


@dataclass(frozen=True, slots=True)
class Source:
    """Where an answer comes from: a law (document, article, effective_from) or a report (document, as_of).

    dated says what effective_from is when it isn't the day the text took effect: 修正, 公布, 通过. A report may
    have no known issuer.
    """

    issuer: str
    document: str
    article: str = ""
    effective_from: date | None = None
    effective_to: date | None = None
    dated: str = "起施行"
    as_of: str = ""
    url: str = ""

    def in_force(self, on: date) -> bool:
        """Whether the text holds on a day; a report with a year only always does."""
        starts = self.effective_from is None or self.effective_from <= on
        return starts and (self.effective_to is None or on <= self.effective_to)


@dataclass(frozen=True, slots=True)
class Article:
    """One answer to one question in one place, with what it rests on and who answers for it."""

    id: str
    intents: tuple[str, ...]
    region: str
    aspect: str
    title: str
    questions: tuple[str, ...]
    answer: str
    sources: tuple[Source, ...]
    facts: tuple[str, ...]
    confidence: str
    owner: str
    reviewed_on: date
    reviewed_by: str
    next_review: date
    status: str
    approved_by: str = ""
    steps: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    where: str = ""
    duration: str = ""
    fee: str = ""
    deadline: str = ""
    exceptions: tuple[str, ...] = ()
    hotlines: tuple[str, ...] = ()
    file: str = ""

    def valid(self, on: date) -> bool:
        """Whether it may be shown: published, seen by two people, not past review, every source in force."""
        return (
            self.status == "published"
            and self.approved_by not in ("", self.reviewed_by)
            and on <= self.next_review
            and all(source.in_force(on) for source in self.sources)
        )


@dataclass(frozen=True, slots=True)
class Hotline:
    """A phone service. hours is what a source says, never assumed. Only status `current` may be shown. checked_on is
    when somebody last made sure of it, where that is known."""

    id: str
    number: str
    name: str
    hours: str
    use: str
    topics: tuple[str, ...]
    region: str
    status: str
    source: str
    confidence: str
    checked_on: date | None = None
    note: str = ""
