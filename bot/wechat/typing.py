"""'对方正在输入…' at the top of somebody's WeChat while a member of staff is typing (客服输入状态, message/custom/typing)."""

import logging

import clock
from bot.service import Service
from bot.wechat.client import client_of
from bot.wechat.errors import ApiFault
from records import people, typing_marks
from records.base import read

log = logging.getLogger(__name__)


def push(service: Service) -> int:
    """Tell the platform of everybody who is being written to; for the worker. Returns how many were told.

    Nothing rests on it: what the platform refuses (45080: no contact in the last 30 seconds, 45081: shown already) is
    left alone, and it costs no message of the quota.
    """
    told = 0
    for person_id in typing_marks.to_push(service.redis):
        with read(service.engine) as conn:
            person, rest = people.get(conn, person_id), people.left(conn, person_id, clock.now())
        if person is None or not person.external or person.channel != "wechat" or rest.until is None:
            continue
        try:
            client_of(service).call("message/custom/typing", {"touser": person.external, "command": "Typing"})
            told += 1
        except ApiFault as fault:
            log.debug("the platform shows nobody typing: %s", fault)
    return told
