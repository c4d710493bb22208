"""What a text is looked up by: its words, its pairs of characters, and how it sounds.

Words carry meaning, pairs survive a wrong cut, sound survives a wrong homophone (居主证) and a message typed in
pinyin without tones (juzhuzheng) or in initials (jzz). Traditional characters and full-width forms are folded first.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import opencc
import rjieba

from knowledge_base import yamlsafe

# Words and characters that hold a sentence together and say nothing of its matter.
_FUNCTION = frozenset(
    "的了吗呢啊呀吧嘛哦呗么是在我你您他她它们就都也和与跟把被让给对这那个有要能会可以很还再又不去来到得着过没啥什怎咋哪谁几多说想该行用看"
)
STOP = _FUNCTION | frozenset(
    [
        "是不是",
        "要不要",
        "能不能",
        "有没有",
        "会不会",
        "可不可以",
        "行不行",
        "不行",
        "不能",
        "可以",
        "我们",
        "他们",
        "你们",
        "一个",
        "一下",
        "这个",
        "那个",
        "自己",
        "现在",
        "时候",
        "起来",
        "出来",
        "过来",
        "过去",
        "一点",
        "还有",
        "就是",
        "不是",
        "不会",
        "没有",
        "应该",
        "需要",
        "知道",
        "听说",
        "请问",
        "想问",
        "一直",
        "已经",
        "真的",
        "到底",
        "这边",
        "那边",
        "这里",
        "那里",
    ]
)
_FIRST, _END = 0x4E00, 0xA000
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_LATIN = re.compile(r"[a-z]+")
_NUMBER = re.compile(r"\d+")
_SIMPLE = opencc.OpenCC("t2s")
MAX_QUERY = 200  # characters looked at; the rest of a longer message adds noise, not meaning


class Synonyms(Mapping[str, str]):
    """Words and the word that stands for each. `uncut` finds those that the cutter would cut to pieces."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = dict(table)
        lost = [word for word in table if len(word) > 1 and word not in rjieba.cut_for_search(word)]
        longest_first = "|".join(map(re.escape, sorted(lost, key=len, reverse=True)))
        self.uncut = re.compile(longest_first) if lost else None

    def __getitem__(self, word: str) -> str:
        return self._table[word]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


def fold(text: str) -> str:
    """One form for all writings: NFKC, lower case, simplified characters."""
    text = unicodedata.normalize("NFKC", text).lower()
    return str(_SIMPLE.convert(text))


def terms(text: str, synonyms: Mapping[str, str], *, sound: bool = True) -> Iterator[str]:
    """The terms of a text, repeated as often as they occur. The first letter tells the kind: w, b, p, i, n."""
    text = fold(text)
    uncut = synonyms.uncut if isinstance(synonyms, Synonyms) else None
    for run in _HAN.findall(text):
        for word in rjieba.cut_for_search(run):
            word = synonyms.get(word, word)
            if word not in STOP:
                yield "w" + word
        if uncut is not None:
            for word in uncut.findall(run):
                yield "w" + synonyms[word]
        for left, right in pairwise(run):
            if left not in _FUNCTION or right not in _FUNCTION:
                yield "b" + left + right
                if sound:
                    yield f"p{_syllable(left)} {_syllable(right)}"
    for number in _NUMBER.findall(text):
        yield "n" + number
    for word in _LATIN.findall(text):
        yield "w" + word


def query_terms(text: str, synonyms: Mapping[str, str]) -> Iterator[str]:
    """As terms, and pinyin is read as sound."""
    text = text[:MAX_QUERY]
    yield from terms(text, synonyms)
    letters = _LATIN.findall(fold(text))
    syllables: list[str] = []
    for word in letters:
        cut = syllables_of(word)
        if cut is None and 2 <= len(word) <= 5:
            yield "i" + word
        syllables += cut or []
    yield from _sounds(syllables)


def initials(text: str, synonyms: Mapping[str, str]) -> Iterator[str]:
    """The first letters of each word of two and more characters: jzz for 居住证."""
    del synonyms
    for run in _HAN.findall(fold(text)):
        for word in rjieba.cut(run):
            if len(word) > 2:
                yield "i" + "".join(_syllable(c)[:1] for c in word)


def _sounds(syllables: list[str]) -> Iterator[str]:
    for left, right in pairwise(syllables):
        yield f"p{left} {right}"


def _syllable(character: str) -> str:
    return _SOUNDS[ord(character) - _FIRST]


def _sounds_of_characters() -> tuple[str, ...]:
    """The syllable of each character of a `_HAN` run, without its tone; "" where none is known.

    Only pypinyin's file of readings is read: the package with its phrases would cost each start 57 MB, its readings of
    42,000 characters 13 MB; this table costs a quarter of one.
    """
    package = find_spec("pypinyin")
    assert package is not None
    assert package.origin is not None
    readings = json.loads(Path(package.origin).with_name("pinyin_dict.json").read_text(encoding="utf-8"))
    plain: dict[str, str] = {}  # a reading is freed of its tone once, not once a character
    return tuple(_toneless(readings.get(str(code), "").partition(",")[0], plain) for code in range(_FIRST, _END))


def _toneless(reading: str, known: dict[str, str]) -> str:
    if reading not in known:
        letters = unicodedata.normalize("NFD", reading.replace("ü", "v"))
        known[reading] = sys.intern("".join(c for c in letters if "a" <= c <= "z"))
    return known[reading]


_SOUNDS = _sounds_of_characters()
_SYLLABLES = frozenset(_SOUNDS) - {""}


@lru_cache(maxsize=4_096)
def syllables_of(letters: str) -> list[str] | None:
    """A run of letters as pinyin syllables, the fewest that fit; None when it isn't pinyin."""
    if not 2 <= len(letters) <= 60:
        return None
    best: list[list[str] | None] = [[]] + [None] * len(letters)
    for end in range(1, len(letters) + 1):
        for start in range(max(0, end - 6), end):
            before = best[start]
            if before is None or letters[start:end] not in _SYLLABLES:
                continue
            here = best[end]
            if here is None or len(before) + 1 < len(here):
                best[end] = [*before, letters[start:end]]
    return best[-1]


def load_synonyms(path: Path) -> Synonyms:
    """synonyms.yml as word → the word that stands for it. Raises ValueError for a word in two rows."""
    try:
        return synonyms(yamlsafe.read(path)["synonyms"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name}: holds no list `synonyms`") from error
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def synonyms(rows: Iterable[Iterable[str]]) -> Synonyms:
    """Rows of words for one thing as word → the word that stands for it. Raises ValueError for a word in two rows."""
    table: dict[str, str] = {}
    for row in rows:
        first = ""
        for word in map(str, row):
            if word in table:
                raise ValueError(f"{word} stands in two rows")
            table[word] = first = first or word
    return Synonyms(table)
