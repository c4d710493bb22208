"""The knowledge base as one immutable snapshot: load it whole, ask it, throw it away for the next one."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from knowledge_base import places as place_files
from knowledge_base import regions as region_file
from knowledge_base import rule_files, rule_values, terms, validate, yamlsafe
from knowledge_base.places import Place
from knowledge_base.regions import RegionTree
from knowledge_base.rules import Rules
from knowledge_base.schema import Article, Fault, Hotline, KnowledgeError, Source
from knowledge_base.search import Hit, Index

FOLDER = Path(__file__).resolve().parent
VERSION = 1  # of the file format
VALUES = "values.yml"  # what offices filled in for rules, once exported
FEW = 3  # characters of a question that can hardly stand alone (合法吗)
SAYS_LITTLE = 20.0  # a question whose best fit is below this is read together with the one before it
MUCH_BETTER = 1.6  # how many times as well another article must fit to be told instead of the plain one
FARTHER = 2.0  # the same for the plain article of a larger place, where the nearest one is about something narrower
CHANCE = 25.0  # a fit below this is a chance meeting of words; a larger place's plain answer must beat it by as much
FAINT = 13.0  # the same for a further question, which says less
ANSWERS = 40.0  # from here on an article surely answers a question, whatever it was taken for
SPEAKS = 18.0  # an article below this hardly speaks of a further question
_SENTENCE = re.compile(r"[^。！？]+[。！？]?")
_OPEN = re.compile("没有?(?:核实|查到|见到)")  # says that something isn't known, which explains little alone
_CLEAR, _ALONE = (
    9.0,
    1.5,
)  # what a sentence must share with a question to be told alone, and how much more than the next
READ = 0.85  # what the fit of the article just read counts, beside others': it was hardly asked for again
NEXT = 2.5  # the same for what is asked next, while nothing was told yet
TOLD = 1.25  # the same once the plain one has been told, and a further question comes

Item = TypeVar("Item", Article, Hotline, Place)


@dataclass(frozen=True)
class Knowledge:
    """Everything that may be told, at one moment. Safe to share between threads; nothing in it changes.

    articles holds every article, shown or not (the console needs them); hotlines only current ones; rules work
    out dates, sums and eligibility; places are service points that may be shown.
    """

    articles: Mapping[str, Article]
    hotlines: Mapping[str, Hotline]
    regions: RegionTree
    synonyms: Mapping[str, str] = field(repr=False)
    rules: Rules = field(repr=False)
    places: tuple[Place, ...] = ()
    _by_intent: Mapping[tuple[str, str], tuple[Article, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        index: dict[tuple[str, str], list[Article]] = {}
        for article in self.articles.values():
            for intent in article.intents:
                index.setdefault((intent, article.region), []).append(article)
        ordered = {key: tuple(sorted(rows, key=lambda a: a.aspect != "main")) for key, rows in index.items()}
        object.__setattr__(self, "_by_intent", MappingProxyType(ordered))

    @cached_property
    def _index(self) -> Index:
        # Half of what a start costs, and not everybody who loads a knowledge base asks it; `ready` builds it in time.
        return Index(list(self.articles.values()), self.regions, self.synonyms)

    def ready(self) -> "Knowledge":
        """Build the search now, so that nobody's first question waits for it. Returns itself."""
        assert self._index is not None
        return self

    def find(self, intent: str, region: str, on: date) -> list[Article]:
        """Articles that answer an intent and may be shown on a day, the most specific place first.

        Within a place `main` comes first, then the order of the file. An unknown region raises KeyError.
        """
        places = self.regions.chain(region)
        return [a for place in places for a in self._by_intent.get((intent, place), ()) if a.valid(on)]

    def main(self, intent: str, region: str, on: date) -> Article | None:
        """The article that answers the plain question: the most specific valid one with aspect `main`."""
        return self.aspect(intent, region, on, "main")

    def aspect(self, intent: str, region: str, on: date, aspect: str) -> Article | None:
        """The most specific valid article on one side of the matter (see schema.ASPECTS), or None."""
        return next((a for a in self.find(intent, region, on) if a.aspect == aspect), None)

    def fitting(
        self, intent: str, question: str, region: str, on: date, told: str = "", earlier: str = ""
    ) -> Article | None:
        """The article of an intent that answers this very question: the plain one, unless another fits much better.

        工资卡被包工头收走 is about unpaid wages, but the answer lies in the article on building sites. told is the id of the
        article that the person has just read: a further question is hardly about the same. earlier is what was asked
        before; a question that says little by itself (她呢, 那罚他们多少) is read together with it.
        """
        plain = self.main(intent, region, on)
        alone = self._index.within(intent, question, region, on) if earlier else []
        little = SAYS_LITTLE if len(question) > FEW else 2 * SAYS_LITTLE
        if earlier and (not alone or alone[0].score < little):
            question, told = f"{earlier} {question}", ""
        hits = [
            hit
            for hit in self._index.within(intent, question, region, on)
            if hit.article.aspect != "fee" or re.search("[钱费价贵]|[收交花要]多少", question)
        ]
        if not hits:
            return plain
        if plain is None:
            return hits[0].article
        fit = next((hit.score for hit in hits if hit.article is plain), 0.0)

        def better(hit: Hit) -> float:
            if hit.article is plain:
                return 1.0
            if hit.article.aspect == "main":
                return hit.score / (FARTHER * max(fit, CHANCE))
            worth = hit.score * READ if hit.article.id == told else hit.score
            if told:
                return worth / (TOLD * max(fit, FAINT))
            return worth / ((NEXT if hit.article.aspect == "further" else MUCH_BETTER) * max(fit, FAINT / 2))

        best = max(hits, key=better)
        return best.article if better(best) > 1.0 else plain

    def speaks(self, article: Article, intent: str, question: str, region: str, on: date) -> bool:
        """Whether an article of an intent has something to say to a question, going by its words."""
        hits = self._index.within(intent, question, region, on)
        return any(hit.article.id == article.id and hit.score >= SPEAKS for hit in hits)

    def passage(self, article: Article, question: str, title: str = "") -> str:
        """The one sentence of an article's answer that a question is about, going by its words; empty where no
        sentence stands out. What the whole article is about (its own title, and `title`) tells sentences apart by nothing."""
        wanted = set(terms.query_terms(question, self.synonyms))
        wanted -= set(terms.terms(f"{article.title}，{title}", self.synonyms))
        said = [
            (self._index.weight(wanted & set(terms.terms(s, self.synonyms))), s)
            for s in _SENTENCE.findall(article.answer)
        ]
        best, *rest = sorted(said, key=lambda pair: -pair[0]) or [(0.0, "")]
        clear = rest and best[0] >= _CLEAR and best[0] >= _ALONE * rest[0][0]
        return best[1] if clear and not _OPEN.search(best[1]) else ""

    def surely(
        self, intent: str, question: str, region: str, on: date, *, short: bool = False, much: float = 1.0
    ) -> Article | None:
        """The article of an intent that surely answers a question, going by its words; None where none does. `short`:
        of a short question less is asked; `much`: how many times as much is."""
        hits = self._index.within(intent, question, region, on)
        enough = min(ANSWERS, max(ANSWERS / 2, len(question) * ANSWERS / 9)) if short else ANSWERS * much
        return hits[0].article if hits and hits[0].score >= enough else None

    def fit(self, intent: str, question: str, region: str, on: date) -> float:
        """How well the best of an intent's articles fits a question; 0 where none shares a word with it."""
        hits = self._index.within(intent, question, region, on)
        return hits[0].score if hits else 0.0

    def search(
        self, query: str, region: str, on: date, limit: int = 3, likely: Mapping[str, float] | None = None
    ) -> list[Hit]:
        """Articles for a free question, best first: whole passages that may be shown here and today. See Index.search."""
        return self._index.search(query, region, on, limit, likely)

    def source_line(self, article: Article, on: date | None = None) -> str:
        """What stands under an answer: 依据：《文件》第N条（YYYY-MM-DD起施行）, or 来源：…（YYYY年）.

        With a day given, only sources in force on it are named.
        """
        sources = [s for s in article.sources if on is None or s.in_force(on)]
        laws = [_law(s) for s in sources if s.effective_from]
        reports = [_report(s) for s in sources if not s.effective_from]
        kinds = (("依据：", laws), ("来源：", reports))
        return "\n".join(label + "；".join(named) for label, named in kinds if named)

    def near(
        self, latitude: float, longitude: float, *, kind: str = "", limit: int = 3
    ) -> list[tuple[Place, float]]:  # fmt: skip
        """The service points nearest to a shared location (GCJ-02 degrees) and how far they are, in kilometres."""
        return place_files.nearest(self.places, latitude, longitude, kind=kind, limit=limit)

    def places_in(self, region: str, kind: str = "") -> list[Place]:
        """The service points of a place and of what lies in it. Empty where none has been established."""
        inside = self.regions.inside(region)
        return [p for p in self.places if p.region in inside and (not kind or p.kind == kind)]

    def hotline(self, id: str) -> Hotline | None:
        """A phone service that may be shown, or None when it is unknown, unverified or obsolete."""
        return self.hotlines.get(id)

    def hotlines_for(self, topic: str, region: str) -> list[Hotline]:
        """Current phone services for an intent in a place and around it, in the order of hotlines.yml."""
        places = self.regions.chain(region)
        return [h for h in self.hotlines.values() if topic in h.topics and h.region in places]


def load(folder: Path | None = None, regions: Collection[str] | None = None) -> Knowledge:
    """Read a knowledge base from its folder (this package's own by default).

    regions names the packs wanted (ningbo, zhongshan): they, what lies in them and what is around them.
    Raises KnowledgeError with every fault found; a snapshot is whole or not made at all.
    """
    folder = folder or FOLDER
    tree = region_file.load(folder / "regions.yml")
    wanted = within(tree, regions)
    faults: list[Fault] = []
    articles: dict[str, Article] = {}
    for path in sorted((folder / "articles").glob("*/*.yml")):
        if path.parent.name not in tree:
            fault = f"lies in a folder that is no region: {path.parent.name}"
            faults.append(Fault(_name(path, folder), "", "", fault))
        elif path.parent.name in wanted:
            for article in _rows(path, folder, "articles", validate.article, tree, faults):
                _add_article(article, path, articles, faults)
    lines = phones(folder, tree, faults)
    without = _parts(folder, tree, lines, faults)
    faults += _dead_hotlines(articles, lines, without.hotlines)
    found = [
        place
        for path in place_files.files(folder)
        for place in _rows(path, folder, "places", validate.place, tree, faults)
    ]
    if faults:
        raise KnowledgeError(faults)
    here = tuple(place for place in found if place.region in wanted)
    return replace(without, articles=MappingProxyType(articles), places=here)


def parts(folder: Path | None = None) -> Knowledge:
    """A knowledge base without its articles and places: what a database that holds those is completed with.

    Raises KnowledgeError with every fault found.
    """
    folder = folder or FOLDER
    faults: list[Fault] = []
    tree = region_file.load(folder / "regions.yml")
    made = _parts(folder, tree, phones(folder, tree, faults), faults)
    if faults:
        raise KnowledgeError(faults)
    return made


def _parts(folder: Path, tree: RegionTree, lines: Mapping[str, Hotline], faults: list[Fault]) -> Knowledge:
    shown = MappingProxyType({id: line for id, line in lines.items() if line.status == "current"})
    synonyms = _synonyms(folder / "synonyms.yml", faults)
    rules = rule_values.apply(rule_files.read(folder, tree, faults), values(folder, faults))
    return Knowledge(MappingProxyType({}), shown, tree, synonyms, rules)


def phones(folder: Path, tree: RegionTree, faults: list[Fault]) -> dict[str, Hotline]:
    """Every phone service of a knowledge base by id, current or not; what is wrong is added to faults."""
    return {h.id: h for h in _rows(folder / "hotlines.yml", folder, "hotlines", validate.hotline, tree, faults)}


def values(folder: Path, faults: list[Fault]) -> list[dict[str, Any]]:
    """What offices filled in for rules, as `values.yml` has it; none where there is no such file."""
    path = folder / VALUES
    if not path.exists():
        return []
    try:
        data = yamlsafe.read(path)
    except (OSError, yamlsafe.YamlFault) as error:
        faults.append(Fault(path.name, "", "", str(error)))
        return []
    rows = data.get("values") if isinstance(data, dict) and data.get("version") == VERSION else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        faults.append(Fault(path.name, "", "", f"must begin with `version: {VERSION}` and hold a list `values`"))
        return []
    return rows


def within(tree: RegionTree, regions: Collection[str] | None) -> frozenset[str]:
    """The keys of the packs wanted, what lies in them and what is around them; None: all."""
    if regions is None:
        return frozenset(tree.regions)
    unknown = [key for key in regions if key not in tree]
    if unknown:
        fault = f"no such region; known are {', '.join(tree.regions)}"
        raise KnowledgeError([Fault("regions.yml", key, "", fault) for key in unknown])
    return frozenset().union(*(tree.inside(key) | frozenset(tree.chain(key)) for key in regions))


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder / "articles" if "articles" in path.parts else folder).as_posix()


def _rows(
    path: Path,
    folder: Path,
    field_name: str,
    check: Callable[[Any, str, Collection[str]], tuple[Item | None, list[Fault]]],
    tree: RegionTree,
    faults: list[Fault],
) -> Iterator[Item]:
    name = _name(path, folder)
    try:
        data = yamlsafe.read(path)
    except (OSError, yamlsafe.YamlFault) as error:
        faults.append(Fault(name, "", "", str(error)))
        return
    rows = data.get(field_name) if isinstance(data, dict) and data.get("version") == VERSION else None
    if not isinstance(rows, list):
        fault = f"must begin with `version: {VERSION}` and hold a list `{field_name}`"
        faults.append(Fault(name, "", "", fault))
        return
    for row in rows:
        item, found = check(row, name, tree.regions)
        faults += found
        if item is not None:
            yield item


def _add_article(article: Article, path: Path, articles: dict[str, Article], faults: list[Fault]) -> None:
    if article.id in articles:
        other = articles[article.id].file
        faults.append(Fault(article.file, article.id, "id", f"is already used in {other}"))
    elif article.region != path.parent.name:
        fault = f"is {article.region} in folder {path.parent.name}"
        faults.append(Fault(article.file, article.id, "region", fault))
    else:
        articles[article.id] = article


def _synonyms(path: Path, faults: list[Fault]) -> Mapping[str, str]:
    try:
        return terms.load_synonyms(path)
    except (OSError, ValueError) as error:
        faults.append(Fault(path.name, "", "", str(error)))
        return {}


def _dead_hotlines(
    articles: Mapping[str, Article], lines: Mapping[str, Hotline], shown: Mapping[str, Hotline]
) -> Iterator[Fault]:
    for article in articles.values():
        for id in article.hotlines:
            if id not in shown:
                why = f"is {lines[id].status}, not current" if id in lines else "is not in hotlines.yml"
                yield Fault(article.file, article.id, "hotlines", f"{why}: {id}")


def _law(source: Source) -> str:
    article = f"第{source.article}条" if source.article else ""
    return f"《{source.document}》{article}（{source.effective_from}{source.dated}）"


def _report(source: Source) -> str:
    year = source.as_of if source.as_of.endswith("查阅") else f"{source.as_of}年"
    return f"{source.issuer}《{source.document}》（{year}）"
