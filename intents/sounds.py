"""How a message sounds, so that 居主证, juzhuzheng and 居住证 meet.

Characters become syllables by a table made from pypinyin when the model is trained (the package itself costs 57 MB
a process, the table 42 kB). Latin letters that spell pinyin, with or without spaces, and initials such as jzz are
turned back into characters by the likeliest path through the phrases of the training lines: the classifier then
reads them like any other message.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint16]

FIRST, LAST = 0x4E00, 0x9FFF
LONGEST_PHRASE = 7
_PHRASES = ("spelt", "han", "costs")
_MIN_PHRASE = 2
_LETTERS = re.compile(r"[a-zü']+(?: +[a-zü']+)*")
_HAN_RUN = re.compile(r"[\u4e00-\u9fff]+")
# What stays Latin even where its letters would spell something.
_KEPT = frozenset(
    (
        "ai",
        "app",
        "are",
        "atm",
        "bye",
        "can",
        "dj",
        "emo",
        "excel",
        "hello",
        "hi",
        "how",
        "hr",
        "id",
        "ip",
        "kpi",
        "ktv",
        "me",
        "nba",
        "no",
        "ok",
        "pc",
        "pdf",
        "pos",
        "ppt",
        "pua",
        "qq",
        "sim",
        "the",
        "to",
        "tv",
        "ufo",
        "usb",
        "vip",
        "wifi",
        "word",
        "yes",
    )
)


def character_syllables() -> tuple[list[str], Codes]:
    """All syllables (index 0 is none) and, for U+4E00 to U+9FFF, each character's index, from pypinyin."""
    from pypinyin import Style, pinyin_dict
    from pypinyin.style import convert

    names: dict[str, int] = {"": 0}
    codes = np.zeros(LAST - FIRST + 1, np.uint16)
    for point, readings in pinyin_dict.pinyin_dict.items():
        if FIRST <= point <= LAST:
            plain = convert(readings.split(",")[0], Style.NORMAL, strict=True).replace("ü", "v")
            codes[point - FIRST] = names.setdefault(plain, len(names))
    return list(names), codes


# Accents and voice input blur these; both sides of a pair become one.
_BLURRED = (
    (re.compile("^([zcs])h"), r"\1"),
    (re.compile("([aei])ng$"), r"\1n"),
    (re.compile("^l"), "n"),
    (re.compile("^hu(?=[ao])"), "f"),
    (re.compile("^hu(?=[in]?$)"), "fu"),
)


def blurred(syllables: list[str]) -> Codes:
    """For each syllable the index of the group it is confused with: zh/z, ch/c, sh/s, -ng/-n, l/n."""
    names: dict[str, int] = {}
    out = []
    for syllable in syllables:
        for pattern, plain in _BLURRED[:3]:
            syllable = pattern.sub(plain, syllable)
        out.append(names.setdefault(syllable, len(names)))
    return np.array(out, np.uint16)


@dataclass(frozen=True, slots=True)
class Phrases:
    """How phrases are spelt, the characters each stands for, and what choosing them costs.

    Three arrays, sorted by spelling, that all processes map: as a dictionary these 70,000 would cost a start 30 MB.
    """

    spelt: NDArray[np.bytes_]
    han: NDArray[np.str_]
    costs: NDArray[np.float64]

    @classmethod
    def of(cls, table: Mapping[str, tuple[str, float]]) -> "Phrases":
        """From spelling → (characters, cost)."""
        rows = sorted((spelt.encode(), han, cost) for spelt, (han, cost) in table.items())
        spelt, han, costs = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(np.array(spelt, np.bytes_), np.array(han, np.str_), np.array(costs, np.float64))

    def get(self, spelt: bytes) -> tuple[str, float] | None:
        """The characters and the cost of one spelling, or None."""
        at = int(self.spelt.searchsorted(spelt))
        if at == len(self.spelt) or self.spelt[at] != spelt:
            return None
        return str(self.han[at]), float(self.costs[at])

    def starts(self) -> frozenset[bytes]:
        """The first two and four letters of every spelling, and the spellings shorter than that."""
        return frozenset(self.spelt.astype("S2").tolist()) | frozenset(self.spelt.astype("S4").tolist())


class Sounds:
    """Characters to syllables, and spelt syllables back to characters."""

    def __init__(self, syllables: list[str], codes: Codes, phrases: Phrases, initials: dict[str, str]) -> None:
        self.syllables, self.codes = syllables, codes
        self.blur = blurred(syllables)
        self.phrases, self.initials = phrases, initials
        self._longest = phrases.spelt.dtype.itemsize if len(phrases.spelt) else 0
        self._starts = phrases.starts()

    @classmethod
    def learn(cls, texts: Iterable[str]) -> "Sounds":
        """Phrases and initials from normalised training lines."""
        import rjieba

        syllables, codes = character_syllables()
        counts: Counter[str] = Counter()
        words: Counter[str] = Counter()
        for text in texts:
            for run in _HAN_RUN.findall(text):
                for n in range(1, LONGEST_PHRASE + 1):
                    counts.update(run[i : i + n] for i in range(len(run) - n + 1))
                words.update(word for word in rjieba.cut(run) if len(word) > 1)
        return cls(syllables, codes, Phrases.of(_phrases(counts, syllables, codes)), _initials(words, syllables, codes))

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        np.save(folder / "syllables.npy", self.codes)
        for name in _PHRASES:
            np.save(folder / f"phrases_{name}.npy", getattr(self.phrases, name))
        table = {"syllables": self.syllables, "initials": self.initials}
        (folder / "sounds.json").write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Sounds":
        """What `save` wrote."""
        table = json.loads((folder / "sounds.json").read_text(encoding="utf-8"))
        arrays = (np.asarray(np.load(folder / f"phrases_{name}.npy", mmap_mode="r")) for name in _PHRASES)
        return cls(table["syllables"], np.load(folder / "syllables.npy"), Phrases(*arrays), table["initials"])

    def of(self, text: str) -> list[str]:
        """The syllable of each character, "" where it has none."""
        return [self.syllables[self.codes[ord(ch) - FIRST]] if FIRST <= ord(ch) <= LAST else "" for ch in text]

    def spelt_out(self, text: str) -> str:
        """The normalised text with pinyin and initials turned into characters; other Latin words stay."""
        runs = list(_LETTERS.finditer(text))
        if not runs:
            return text
        letters = sum(len(run[0]) for run in runs)
        found = [(run, self._read(run[0])) for run in runs]
        understood = sum(len(run[0]) for run, han in found if han is not None)
        if understood * 10 < letters * 6:
            return text
        for run, han in reversed(found):
            if han is not None:
                text = text[: run.start()] + han + text[run.end() :]
        return re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", text)

    def _read(self, run: str) -> str | None:
        """One run of letters as characters; None when it isn't pinyin."""
        tokens = [token for token in re.split(r"[ ']+", run) if token]
        if not any(token in _KEPT or token in self.initials for token in tokens):
            whole = self._decode("".join(tokens))
            if whole is not None:
                return whole
        out, unread = [], 0
        for known, group in _grouped(tokens, lambda token: token in _KEPT):
            if known:
                out += group
                unread += sum(map(len, group))
                continue
            for short, part in _grouped(group, lambda token: token in self.initials and not self._is_syllables(token)):
                if short:
                    out += [self.initials[token] for token in part]
                    continue
                han = self._decode("".join(part))
                if han is None:
                    pieces = [self._decode(token) for token in part]
                    unread += sum(len(token) for token, piece in zip(part, pieces, strict=True) if piece is None)
                    out += [piece or f" {token} " for token, piece in zip(part, pieces, strict=True)]
                else:
                    out.append(han)
        return None if unread * 2 > len(run) else " ".join(out)

    def _is_syllables(self, token: str) -> bool:
        return self._decode(token) is not None

    def _decode(self, letters: str) -> str | None:
        size = len(letters)
        if size > 200:
            return None
        spelling = letters.encode()  # as the phrases are kept; only ü takes two bytes
        size = len(spelling)
        best, came = [0.0] + [math.inf] * size, [(0, "")] * (size + 1)
        for start in range(size):
            if best[start] == math.inf:
                continue
            for end in range(start + 1, min(start + self._longest, size) + 1):
                spelt = spelling[start:end]
                if end - start in (2, 4) and spelt not in self._starts:
                    break
                phrase = self.phrases.get(spelt)
                if phrase is not None and best[start] + phrase[1] < best[end]:
                    best[end], came[end] = best[start] + phrase[1], (start, phrase[0])
        if best[size] == math.inf:
            return None
        out = []
        while size > 0:
            size, han = came[size]
            out.append(han)
        return "".join(reversed(out))


def _grouped(tokens: list[str], test: Callable[[str], bool]) -> list[tuple[bool, list[str]]]:
    groups: list[tuple[bool, list[str]]] = []
    for token in tokens:
        verdict = test(token)
        if groups and groups[-1][0] == verdict:
            groups[-1][1].append(token)
        else:
            groups.append((verdict, [token]))
    return groups


def _phrases(counts: Counter[str], syllables: list[str], codes: Codes) -> dict[str, tuple[str, float]]:
    """The likeliest characters for each spelling, and what choosing them costs (-log of their share)."""
    total = sum(n for text, n in counts.items() if len(text) == 1)
    best: dict[str, tuple[int, str]] = {}
    for text, n in counts.items():
        if len(text) > 1 and n < _MIN_PHRASE:
            continue
        spelt = [syllables[codes[ord(ch) - FIRST]] for ch in text]
        if all(spelt):
            joined = "".join(spelt)
            # A longer count never beats a more frequent one of the same spelling (xian: 先 or 西安).
            best[joined] = max(best.get(joined, (0, "")), (n, text))
    for code in range(FIRST, LAST + 1):
        spelt_one = syllables[codes[code - FIRST]]
        if spelt_one and spelt_one.isascii() and spelt_one not in best:
            best[spelt_one] = (0, chr(code))
    for joined, (n, text) in list(best.items()):
        if "v" in joined:
            best.setdefault(joined.replace("v", "u" if joined[0] in "jqxy" else "ü"), (n, text))
    return {joined: (text, round(-math.log((n + 0.01) / total), 3)) for joined, (n, text) in best.items()}


def _initials(words: Counter[str], syllables: list[str], codes: Codes) -> dict[str, str]:
    """The commonest word for initials such as jzz (居住证) or sfz (身份证)."""
    best: dict[str, tuple[int, str]] = {}
    for word, n in words.items():
        spelt = [syllables[codes[ord(ch) - FIRST]] for ch in word]
        if n >= 8 and all(spelt):
            short = "".join(one[0] for one in spelt)
            if len(short) >= 2 and not set(short) <= set("aeo"):
                best[short] = max(best.get(short, (0, "")), (n, word))
    return {short: word for short, (n, word) in best.items()}
