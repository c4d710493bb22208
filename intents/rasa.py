"""Asking a Rasa server instead of the local classifier (NLU_BACKEND=rasa, RASA_URL).

Rasa only says which intent. Danger and entities stay ours, and so does the answer when Rasa is slow, down or says
something else than it should: the message is then understood locally and the fallback counted. What was learnt of
Rasa 3.6 while measuring it is kept here: a leading slash bypasses its model, traditional characters and full width
send it to fallback, and `nlu_fallback` hides the real guess behind it.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import httpx

from .nlu_files import taxonomy
from .normalise import normalise
from .understander import Bands, Understander
from .understanding import Understanding

LIMIT = 1.0  # seconds for one answer, all in all
REST = 5.0  # seconds without asking after an answer that didn't come
LARGEST = 1 << 20  # bytes of an answer
FALLBACK = "nlu_fallback"

Ranking = tuple[tuple[str, float], ...]


class NoAnswer(Exception):
    """Rasa didn't help. `why` is "down", "slow", "malformed" or "resting"."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else why)
        self.why = why


@dataclass(slots=True)
class Asked:
    """How often Rasa was asked with success, and why not the other times; the metrics page reads it."""

    answered: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)


class RasaUnderstander:
    """The same `understand` as the local `Understander`, with Rasa's choice of intent. Never raises."""

    def __init__(self, local: Understander, url: str, asked: Asked | None = None, limit: float = LIMIT) -> None:
        self.local, self.asked = local, asked or Asked()
        self._ask = parser(url, limit)
        self._resting_until = 0.0

    def understand(self, text: str, now: datetime) -> Understanding:
        """What `text` means at `now`; `backend` tells who chose the intent."""
        understood = self.local.understand(text, now)
        try:
            ranking = self._ranking(text)
        except NoAnswer as fault:
            self.asked.fallbacks[fault.why] += 1
            if fault.why in ("down", "slow"):
                self._resting_until = time.monotonic() + REST
            return understood
        self.asked.answered += 1
        intent, probability = ranking[0]
        return replace(
            understood,
            intent=intent,
            probability=probability,
            ranking=ranking,
            second=None,
            band=self.local.bands.of(probability),
            backend="rasa",
        )

    def _ranking(self, text: str) -> Ranking:
        if time.monotonic() < self._resting_until:
            raise NoAnswer("resting")
        return self._ask(text)


def parser(url: str, limit: float = LIMIT) -> Callable[[str], Ranking]:
    """A function from a message to Rasa's ranking of our intents, best first; it raises `NoAnswer`."""
    client = httpx.Client(timeout=limit, trust_env=False)
    address, known = url.rstrip("/") + "/model/parse", frozenset(taxonomy())

    def ask(text: str) -> Ranking:
        return read(_post(client, address, question(text), limit), known)

    return ask


def question(text: str) -> str:
    """The spelling Rasa is asked in: normalised, and no slash in front, which would bypass its model."""
    return normalise(text).lstrip("/ ") or "。"


def _post(client: httpx.Client, address: str, text: str, limit: float) -> bytes:
    # httpx limits each step; the deadline limits their sum
    deadline, body = time.monotonic() + limit, b""
    try:
        with client.stream("POST", address, json={"text": text}) as response:
            if response.status_code != 200:
                raise NoAnswer("malformed", f"HTTP {response.status_code}")
            for chunk in response.iter_bytes():
                body += chunk
                if time.monotonic() > deadline:
                    raise NoAnswer("slow")
                if len(body) > LARGEST:
                    raise NoAnswer("malformed", "an answer of more than a megabyte")
    except httpx.TimeoutException as error:
        raise NoAnswer("slow", str(error)) from error
    except httpx.HTTPError as error:
        raise NoAnswer("down", str(error)) from error
    return body


def read(body: bytes, known: frozenset[str]) -> Ranking:
    """Our intents from the body of a parse, best first; `nlu_fallback` and names we don't have are passed over."""
    try:
        found: Any = json.loads(body)
    except ValueError as error:
        raise NoAnswer("malformed", "not JSON") from error
    entries = [found.get("intent"), *(found.get("intent_ranking") or [])] if isinstance(found, Mapping) else []
    ranking: dict[str, float] = {}
    for entry in entries:
        if not isinstance(entry, Mapping) or entry.get("name") not in known:
            continue
        confidence = entry.get("confidence")
        if isinstance(confidence, int | float) and 0 <= confidence <= 1:
            ranking.setdefault(str(entry["name"]), float(confidence))
    if not ranking:
        raise NoAnswer("malformed", "no intent of ours in it")
    return tuple(sorted(ranking.items(), key=lambda item: -item[1]))


def evaluation_predict() -> Callable[[str], tuple[str, float, str]]:
    """For `python -m intents.evaluate --backend rasa`: asks RASA_URL and never falls back.

    Raises ConnectionError when no Rasa answers there.
    """
    url = os.environ.get("RASA_URL") or "http://127.0.0.1:5005"
    ask, bands = parser(url, 30.0), Bands.load()

    def predict(text: str) -> tuple[str, float, str]:
        try:
            intent, probability = ask(text)[0]
        except NoAnswer as fault:
            raise ConnectionError(f"Rasa at {url} did not answer ({fault}); start it with: make rasa") from fault
        return intent, probability, bands.of(probability)

    return predict
