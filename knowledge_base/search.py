"""Finding the article that answers a free question: BM25 over words, character pairs and sound.

Every question of an article is a short text of its own, because people ask one of them, not all; the whole article is
one more. An article's score is its best question's plus a share of its whole text's. Postings are plain numpy arrays,
so 20,000 articles are ranked in milliseconds. Only what may be shown, in this place, on this day, comes back.
"""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from knowledge_base import terms
from knowledge_base.regions import RegionTree
from knowledge_base.schema import Article

WEIGHT = {"w": 1.0, "b": 0.6, "p": 0.35, "i": 1.0, "n": 0.6}  # by the kind of a term
WHOLE = 1.5  # what the whole article counts beside its best question
NEXT = 0.7  # what an article counts that tells what people ask next, where nothing is known of what was talked about
NEARER = 0.06  # what each step towards the person's own place adds, as a share of the score
K1, B = 1.2, 0.5
LIKELY = 3.0  # a sure intent makes its articles four times as fit
MEANT, PLAIN = 30.0, 10.0  # and gives them, its plain ones more, a worth of their own: as some three shared words would
UNSURE = 0.1  # an intent less probable than this says nothing
REMEMBERED = 500  # questions whose scores are kept
COMMON = 0.25  # a term in more than this share of the texts tells nothing and costs most


@dataclass(frozen=True, slots=True)
class Hit:
    """An article and how well it fits; scores compare within one search only."""

    article: Article
    score: float


@cache
def narrow() -> Mapping[str, re.Pattern[str]]:
    """Words without which an article is no answer (narrow.yml), by its id."""
    rows = yaml.safe_load((Path(__file__).parent / "narrow.yml").read_text(encoding="utf-8"))["narrow"]
    return {row["article"]: re.compile(row["only"]) for row in rows}


class _Postings:
    """Which texts hold a term, and what the term is worth there (BM25), in three flat arrays."""

    def __init__(self, texts: Iterable[Iterable[str]]) -> None:
        self.number: dict[str, int] = {}  # of a term
        of_term, of_text = array("q"), array("q")
        self.size = 0
        for text in texts:
            before = len(of_term)
            of_term.extend(self.number.setdefault(term, len(self.number)) for term in text)
            of_text.extend(repeat(self.size, len(of_term) - before))
            self.size += 1
        lengths = np.bincount(np.asarray(of_text), minlength=self.size).astype(np.float32)
        pairs = np.asarray(of_term) * self.size + np.asarray(of_text)
        once, often = np.unique(pairs, return_counts=True)
        term, self.text = once // max(self.size, 1), (once % max(self.size, 1)).astype(np.int32)
        holders = np.bincount(term, minlength=len(self.number))
        self.start = np.concatenate(([0], np.cumsum(holders)))
        kind = np.array([WEIGHT[name[0]] for name in self.number], dtype=np.float32)
        rare = kind * np.log(1 + (self.size - holders + 0.5) / (holders + 0.5)).astype(np.float32)
        rare[holders > max(COMMON * self.size, 20)] = 0
        self._rare = rare
        norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1.0)) if self.size else lengths
        self.worth = (rare[term] * often * (K1 + 1) / (often + norm[self.text])).astype(np.float32)

    def score(self, query: Iterable[str]) -> NDArray[np.float32]:
        """What each text is worth to a query."""
        known = [n for n in map(self.number.get, query) if n is not None]
        if not known:
            return np.zeros(self.size, dtype=np.float32)
        here = [slice(self.start[n], self.start[n + 1]) for n in known]
        texts = np.concatenate([self.text[part] for part in here])
        worth = np.concatenate([self.worth[part] for part in here])
        return np.bincount(texts, weights=worth, minlength=self.size).astype(np.float32)

    def rarity(self, term: str) -> float:
        """What a term is worth anywhere; 0 for one that no text holds, or too many do."""
        at = self.number.get(term)
        return 0.0 if at is None else float(self._rare[at])


class Index:
    """The search over one snapshot. Built once, then only read: safe for threads."""

    def __init__(self, articles: Sequence[Article], regions: RegionTree, synonyms: Mapping[str, str]) -> None:
        self.articles = tuple(articles)
        self.regions = regions
        self.synonyms = synonyms
        self.keys = list(regions.regions)
        self._scored: dict[tuple[str, str], NDArray[np.float32]] = {}
        asked = [(a.title, *a.questions) for a in self.articles]
        self.starts = np.cumsum([0, *(len(texts) for texts in asked)])[:-1]
        questions = [[self._question(text) for text in texts] for texts in asked]
        self.asked = _Postings(text for texts in questions for text in texts)
        self.whole = _Postings(map(self._text, self.articles, questions))
        intents = sorted({intent for a in self.articles for intent in a.intents})
        self.of_intent = {i: np.array([n for n, a in enumerate(self.articles) if i in a.intents]) for i in intents}
        self.mains: dict[tuple[str, str], list[Article]] = {}
        for a in self.articles:
            if a.aspect == "main":
                self.mains.setdefault((a.intents[0], a.region), []).append(a)
        self.plain = np.array([a.aspect == "main" for a in self.articles], dtype=np.float32)
        self.first = np.array([NEXT if a.aspect == "further" else 1.0 for a in self.articles], dtype=np.float32)
        self.narrow = [(n, narrow()[a.id]) for n, a in enumerate(self.articles) if a.id in narrow()]
        self.place = np.array([self.keys.index(a.region) for a in self.articles], dtype=np.int16)

    def search(
        self, query: str, region: str, on: date, limit: int = 3, likely: Mapping[str, float] | None = None
    ) -> list[Hit]:
        """The articles that fit a question best, best first; fewer than limit, or none, when little fits.

        region is where the person is; a single other place named in the question is searched instead. Of several
        plain answers to one intent only the most specific is offered. likely, where the message has been understood
        already, is how probable each intent is (0–1): its articles are found even where they share no word. Raises KeyError for an
        unknown region.
        """
        if not self.articles:
            return []
        region = self._place(query, region)
        chain = self.regions.chain(region)
        scores = self._scores(query, chain) * self.first
        if likely:
            # 整个人很丧 shares no word with the article on low spirits: what is understood must count by itself.
            probable = self._probability(likely)
            scores = scores * (1 + LIKELY * probable)  # a new array: what was scored is kept for the next question
            scores += (MEANT + PLAIN * self.plain) * probable * self._nearness(chain)
            scores[self._no_answers(query)] = 0
        return self._best(scores, on, limit, chain)

    def within(self, intent: str, query: str, region: str, on: date) -> list[Hit]:
        """The articles of one intent that fit a question, best first: which side of a known matter is meant. The plain
        answers of larger places stand for themselves: the nearest may be about something narrower."""
        chain = self.regions.chain(region)
        at = self.of_intent.get(intent)
        if at is None:
            return []
        scores = self._scores(query, chain)
        fitting = [Hit(self.articles[n], float(scores[n])) for n in at if scores[n] > 0 and self.articles[n].valid(on)]
        return sorted(fitting, key=lambda hit: -hit.score)

    def weight(self, words: Iterable[str]) -> float:
        """How much a set of terms tells: the sum of what each is worth in the questions (rare ones more)."""
        return sum(self.asked.rarity(word) for word in words)

    def _scores(self, query: str, chain: Sequence[str]) -> NDArray[np.float32]:
        # One message is looked up more than once in a turn, and many people ask in the same words.
        scored = self._scored.get((query, chain[0]))
        if scored is None:
            wanted = set(terms.query_terms(query, self.synonyms))
            scored = np.maximum.reduceat(self.asked.score(wanted), self.starts)
            scored = (scored + WHOLE * self.whole.score(wanted)) * self._nearness(chain)
            scored[self._no_answers(query)] = 0
            if len(self._scored) >= REMEMBERED:
                self._scored.clear()
            self._scored[query, chain[0]] = scored
        return scored

    def _no_answers(self, query: str) -> list[int]:
        return [n for n, words in self.narrow if not words.search(query)]

    def _nearness(self, chain: Sequence[str]) -> NDArray[np.float32]:
        nearness = np.zeros(len(self.keys), dtype=np.float32)  # another place's articles count for nothing
        for step, place in enumerate(reversed(chain)):
            nearness[self.keys.index(place)] = 1 + NEARER * step
        return nearness[self.place]

    def _probability(self, likely: Mapping[str, float]) -> NDArray[np.float32]:
        best = np.zeros(len(self.articles), dtype=np.float32)
        for intent, probability in likely.items():
            at = self.of_intent.get(intent)
            if at is not None and probability >= UNSURE:
                best[at] = np.maximum(best[at], probability)
        return best

    def _best(self, scores: NDArray[np.float32], on: date, limit: int, chain: Sequence[str]) -> list[Hit]:
        # More than asked for are looked at, since some fall to validity and some are one answer for two places.
        few = min(len(scores), 4 * limit + 20)
        top = np.argpartition(-scores, few - 1)[:few]
        hits: dict[str, Hit] = {}
        for n in top[np.argsort(-scores[top], kind="stable")]:
            if scores[n] <= 0 or len(hits) >= limit:
                break
            article = self._nearest(self.articles[n], on, chain)
            if article.valid(on):
                hits.setdefault(article.id, Hit(article, float(scores[n])))
        return list(hits.values())

    def _nearest(self, article: Article, on: date, chain: Sequence[str]) -> Article:
        # The plain answer for the whole country leads to the plain answer for the person's own place.
        if article.aspect != "main":
            return article
        nearer = (a for place in chain for a in self.mains.get((article.intents[0], place), ()) if a.valid(on))
        return next(nearer, article)

    def _place(self, query: str, region: str) -> str:
        """Where to look: a single place named in the question, unless the person is in it anyway."""
        named = {r.key for r in self.regions.regions.values() if r.short in query and r.parent is not None}
        deepest = {key for key in named if not any(key in self.regions.chain(other)[1:] for other in named)}
        other = deepest.pop() if len(deepest) == 1 else region
        return region if other in self.regions.chain(region) else other

    def _question(self, text: str) -> list[str]:
        return [*terms.terms(text, self.synonyms), *terms.initials(text, self.synonyms)]

    def _text(self, a: Article, asked: list[list[str]]) -> list[str]:
        # The title and the questions have been cut already; cutting is what building an index costs.
        parts = (a.answer, *a.steps, *a.papers, a.where, a.fee, a.deadline, *a.exceptions)
        cut = [term for text in asked for term in text if term[0] in "wbn"]
        return [*cut, *terms.terms("\n".join(parts), self.synonyms, sound=False)]
