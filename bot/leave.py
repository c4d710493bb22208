"""Who wants to be told something later is asked at once for the leave that his channel needs for it (wx-push-03)."""

from dataclasses import replace

from bot.message import Reply
from bot.situation import Decision
from handlers.turn import Link

WORDS = "微信只让我们在您说话后48小时内找您。怕错过，点下面同意收一条通知，过了也能收到。"


def asked(decision: Decision, page: Link | None) -> Decision:
    """`decision` with `page`, where one agrees, under whatever is to be told later: news, a reminder, what became of a
    case. None: this channel needs no leave, or can't get it."""
    if page is None or not decision.replies or decision.danger:
        return decision
    *before, last = decision.replies
    later = last.subscribe or last.reminder or (decision.filing is not None and _hears_back(decision))
    return replace(decision, replies=(*before, _with(last, page))) if later else decision


def _hears_back(decision: Decision) -> bool:
    """Whether somebody will hear what becomes of what he filed: not without a name."""
    filing = decision.filing
    return filing is not None and filing.form.end in ("case", "appointment") and not filing.anonymous()


def _with(reply: Reply, page: Link) -> Reply:
    return replace(reply, text=f"{reply.text}\n{WORDS}", links=(*reply.links, page))
