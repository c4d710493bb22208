"""What can be tapped in a message: items of a msgmenu, and `weixin://bizmsgmenu` links inside a text.

Source: platform document "发送客服消息": a text may hold
`<a href="weixin://bizmsgmenu?msgmenucontent=…&msgmenuid=…">…</a>`, which works like an item of a msgmenu.
"""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

LINK = re.compile(r"""<a\s[^>]*?href=(["'])(.*?)\1[^>]*>(.*?)</a>""", re.IGNORECASE | re.DOTALL)


def choices(entry: dict[str, Any]) -> list[dict[str, str]]:
    """The choices an entry of the chat offers: `id` and `label`."""
    offered = [{"id": str(c["id"]), "label": str(c["label"])} for c in entry.get("choices", [])]
    for _, href, label in LINK.findall(str(entry.get("text", ""))):
        parts = urlsplit(unescape(href))
        if parts.scheme == "weixin" and parts.netloc == "bizmsgmenu":
            query = parse_qs(parts.query)
            content = query.get("msgmenucontent", [label])[0]
            offered.append({"id": query.get("msgmenuid", [""])[0], "label": content})
    return offered
