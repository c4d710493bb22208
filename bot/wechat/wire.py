"""Bytes of a callback to fields and back: XML (JSON where the account is set to it), read strictly, written safely.

Expat is used directly: a document type or an entity declaration stops the reading at once, so neither an
entity bomb nor an outside entity is ever expanded. xmltodict, which wechatpy uses, reads both.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

from bot.wechat.refusal import Refused

Fields = dict[str, Any]
"""Field name to text, to nested `Fields`, or to a list of either where an inner name is repeated."""

MAX_DEPTH = 8
MAX_ELEMENTS = 400

# Fields that decide who speaks, what is meant and what is a repetition. Two of one kind is no message of the
# platform's: which of them counts would be the reader's taste, so the whole is refused.
SINGLE = frozenset(
    {"ToUserName", "FromUserName", "MsgType", "CreateTime", "MsgId", "Event", "EventKey", "Content", "Encrypt"}
)

# Characters XML 1.0 has no place for. People's phones do send them; expat would refuse the whole message.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` without control characters (tab and line break stay), lone surrogates and non-characters."""
    return _NOT_XML.sub("", text)


def read(body: bytes, *, json_allowed: bool = False) -> Fields:
    """The fields of a callback's body.

    Raises `Refused` (400) for anything that isn't one flat or nested XML element named `xml`, or, where the
    account is set to it, a JSON object.
    """
    # Broken UTF-8 inside a person's text must not cost them their answer, so it is replaced, not refused.
    text = printable(body.decode("utf-8", "replace")).lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        if not json_allowed:
            raise Refused(400, "json-not-set-for-account")
        return _read_json(text)
    return _XmlReader().read(text)


def _read_json(text: str) -> Fields:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise Refused(400, "not-json") from fault
    if not isinstance(found, dict):
        raise Refused(400, "not-json")
    return {str(name): _plain(value, 1) for name, value in found.items()}


def _plain(value: Any, depth: int) -> Any:
    """A JSON value as XML would have given it: texts, dicts and lists only."""
    if depth > MAX_DEPTH:
        raise Refused(400, "too-deep")
    if isinstance(value, dict):
        return {str(name): _plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, depth + 1) for inner in value]
    if value is None:
        return ""
    return printable(value) if isinstance(value, str) else str(value)


class _XmlReader:
    """Builds `Fields` from expat's events."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.open: list[tuple[str, Fields, list[str]]] = []
        self.count = 0
        self.root: Fields | None = None

    def read(self, text: str) -> Fields:
        try:
            self.parser.Parse(text.encode("utf-8"), True)
        except expat.ExpatError as fault:
            raise Refused(400, "not-xml") from fault
        if self.root is None:
            raise Refused(400, "not-xml")
        return self.root

    def _refuse(self, *_: Any) -> None:
        raise Refused(400, "xml-declares-entities")

    def _start(self, name: str, _attributes: Any) -> None:
        self.count += 1
        if self.count > MAX_ELEMENTS or len(self.open) >= MAX_DEPTH:
            raise Refused(400, "xml-too-large")
        if not self.open and name != "xml":
            raise Refused(400, "not-a-message")
        self.open.append((name, {}, []))

    def _text(self, data: str) -> None:
        if self.open:
            self.open[-1][2].append(data)

    def _end(self, _name: str) -> None:
        name, children, texts = self.open.pop()
        if not self.open:
            self.root = children
            return
        value: Any = children if children else "".join(texts)
        parent = self.open[-1][1]
        if name not in parent:
            parent[name] = value
        elif len(self.open) == 1 and name in SINGLE:
            raise Refused(400, "field-twice")
        elif isinstance(parent[name], list):
            parent[name].append(value)
        else:
            parent[name] = [parent[name], value]


def write_xml(fields: Mapping[str, Any]) -> str:
    """`fields` as the platform's XML: texts in CDATA that nothing can break out of, numbers bare."""
    return f"<xml>{_elements(fields)}</xml>"


def _elements(fields: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_value(value)}</{name}>" for name, value in fields.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    if isinstance(value, int):
        return str(value)
    return cdata(str(value))


def cdata(text: str) -> str:
    """`text` in CDATA. A `]]>` inside is split over two sections, so it ends neither."""
    return "<![CDATA[" + printable(text).replace("]]>", "]]]]><![CDATA[>") + "]]>"


def write_json(fields: Mapping[str, Any]) -> str:
    """`fields` for an account whose callback is set to JSON."""
    return json.dumps(fields, ensure_ascii=False)
