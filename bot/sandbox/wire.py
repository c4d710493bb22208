"""Messages as they go over the wire: building what the platform pushes, reading what the service answers."""

import json
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bot.sandbox import cipher

MODES = ("plain", "compatible", "safe")

Fields = Mapping[str, Any]


class Malformed(Exception):
    """An answer the platform cannot read. The message, in Chinese, is shown in the wire log."""


@dataclass(frozen=True, slots=True)
class Account:
    """The official account as the platform's console knows it."""

    app_id: str
    app_secret: str
    token: str
    aes_key: str
    kind: str = "service"
    original_id: str = "gh_0000sandbox"
    data_format: str = "xml"
    mini_app_id: str = ""
    """The mini-program that belongs to the account; empty: none."""
    mini_app_secret: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """One message or event, ready to be sent as often as it takes."""

    query: str
    body: bytes
    content_type: str
    plain: str
    """The message before encryption, as the wire log shows it."""


def to_xml(fields: Fields, root: str = "xml") -> str:
    """Fields as the platform writes them: numbers bare, texts in CDATA, mappings nested, lists as repeated `item`."""
    return f"<{root}>" + "".join(_element(name, value) for name, value in fields.items()) + f"</{root}>"


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return to_xml(value, name)
    if isinstance(value, list):
        return f"<{name}>" + "".join(_element("item", item) for item in value) + f"</{name}>"
    if isinstance(value, int | float):
        return f"<{name}>{value}</{name}>"
    # Inside CDATA only its own end needs care; characters XML cannot carry at all never leave a phone.
    text = "".join(char for char in str(value) if char in "\t\n\r" or ord(char) >= 32)
    return f"<{name}><![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + f"]]></{name}>"


def sign_query(account: Account, openid: str, sealed: str | None, now: int) -> str:
    """The query string of a push: signature, timestamp, nonce, openid and, when encrypted, msg_signature."""
    nonce = str(secrets.randbelow(9_000_000_000) + 1_000_000_000)
    stamp = str(now)
    query = {
        "signature": cipher.signature(account.token, stamp, nonce),
        "timestamp": stamp,
        "nonce": nonce,
        "openid": openid,
    }
    if sealed is not None:
        query["encrypt_type"] = "aes"
        query["msg_signature"] = cipher.signature(account.token, stamp, nonce, sealed)
    return urlencode(query)


def pack(account: Account, fields: Fields, mode: str, now: int) -> Push:
    """Sign and, unless `mode` is plain, encrypt a message.

    `mode` is one of `MODES`; `now` is the Unix time of the push (a repeated push is signed anew).
    """
    as_json = account.data_format == "json"
    plain = json.dumps(fields, ensure_ascii=False) if as_json else to_xml(fields)
    sealed = None if mode == "plain" else cipher.seal(plain, account.app_id, account.aes_key)
    outer: dict[str, Any] = dict(fields) if mode != "safe" else {"ToUserName": fields["ToUserName"]}
    if sealed is not None:
        outer["Encrypt"] = sealed
    body = json.dumps(outer, ensure_ascii=False) if as_json else to_xml(outer)
    return Push(
        query=sign_query(account, str(fields["FromUserName"]), sealed, now),
        body=body.encode(),
        content_type="application/json" if as_json else "text/xml",
        plain=plain,
    )


def read(text: str) -> dict[str, Any]:
    """An answer's XML (or JSON) as nested dicts of strings; repeated elements become lists. Raises `Malformed`."""
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except ValueError as error:
            raise Malformed("回复不是合法的 JSON") from error
        return dict(found)
    root = _parse(text)
    if root.tag != "xml":
        raise Malformed("回复的根元素不是 <xml>")
    content = _content(root)
    if not isinstance(content, dict):
        raise Malformed("回复里没有任何字段")
    return content


def _parse(text: str) -> ET.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Malformed("回复里有 DTD 或实体声明")
    try:
        return ET.fromstring(text)  # noqa: S314 - without a DTD there is nothing to expand
    except ET.ParseError as error:
        raise Malformed(f"回复不是合法的 XML（{error}）") from error


def _content(node: ET.Element) -> Any:
    children = list(node)
    if not children:
        return node.text or ""
    found: dict[str, Any] = {}
    for child in children:
        value = _content(child)
        if child.tag in found:
            earlier = found[child.tag]
            found[child.tag] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
        else:
            found[child.tag] = value
    return found


def pretty(text: str) -> str:
    """XML or JSON with an element to a line, for reading; anything else as it is."""
    try:
        if text.lstrip().startswith(("{", "[")):
            return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
        root = _parse(text)
    except (Malformed, ValueError):
        return text
    ET.indent(root)
    return ET.tostring(root, encoding="unicode")


def open_answer(account: Account, mode: str, body: str) -> tuple[dict[str, Any], str]:
    """Read a passive reply: check its signature and decrypt it where it is encrypted.

    Returns the fields and the readable text. Raises `Malformed`.
    """
    fields = read(body)
    if "Encrypt" not in fields:
        if mode == "safe":
            raise Malformed("安全模式下的回复没有加密")
        return fields, body
    if mode == "plain":
        raise Malformed("明文模式下的回复被加密了")
    missing = [name for name in ("MsgSignature", "TimeStamp", "Nonce") if name not in fields]
    if missing:
        raise Malformed("加密回复缺少 " + "、".join(missing))
    sealed = str(fields["Encrypt"])
    wanted = cipher.signature(account.token, str(fields["TimeStamp"]), str(fields["Nonce"]), sealed)
    if not cipher.same(str(fields["MsgSignature"]), wanted):
        raise Malformed("加密回复的 MsgSignature 不对")
    try:
        text = cipher.unseal(sealed, account.app_id, account.aes_key)
    except cipher.BadEnvelope as error:
        raise Malformed(str(error)) from error
    return read(text), text
