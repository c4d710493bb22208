"""What isn't words: following the account, scanning a code, sending a picture, a voice, a place."""

from handlers.talk import START, WELCOME
from handlers.turn import Choice, Link, Reply

_ROOM = "r:"
"""Scenes that name a room begin so; see the room codes."""


def arrival(event: str, scene: str) -> Reply | None:
    """What to say to an event (`subscribe`, `scan`, `click`, …); None to say nothing."""
    if event == "subscribe":
        links = (Link("登记我住的房间", f"/r/{scene.removeprefix(_ROOM)}"),) if scene.startswith(_ROOM) else ()
        return Reply(text=f"{WELCOME}\n您可以点下面的，也可以直接打字。", choices=START, links=links)
    if event == "scan":
        return scanned(scene)
    if event == "location":
        return None  # the platform reports it by itself; nobody asked anything
    return None


def scanned(code: str) -> Reply:
    """A code was scanned: a room's leads to its page, anything else to a question."""
    if code.startswith(_ROOM):
        link = Link("打开这间房的页面", f"/r/{code.removeprefix(_ROOM)}")
        return Reply(text="扫到了房间码。点开就能登记住在这里、搬走，或者报告码坏了。", links=(link,))
    return Reply(
        text="这个码我不认识，可能坏了，或者不是我们贴的。您可以告诉工作人员在哪里看到的。",
        choices=(Choice("码坏了怎么办", "rental_qr_report"), Choice("找工作人员", "human_agent")),
    )


def without_words(kind: str) -> Reply:
    """Said to a picture, a voice or the like that the bot can't read."""
    human = Choice("找工作人员", "human_agent")
    if kind == "voice":
        return Reply(
            text="语音我还听不懂。请您打几个字，写错字、用拼音都行；不方便打字就找工作人员。", choices=(human,)
        )
    if kind in ("image", "video", "shortvideo"):
        return Reply(
            text="图片收到了，但我自己看不了图。请用一句话说说是什么事；要给人看，就找工作人员。", choices=(human,)
        )
    if kind == "location":
        return Reply(text="位置收到了。您想在附近办什么事？", choices=START)
    return Reply(text="收到了。请用一句话告诉我是什么事。", choices=(human,))
