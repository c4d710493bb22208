"""Temporary codes with a scene: scanning one follows the account, and the scene says where the person stood.

Only temporary ones: an account has 100,000 permanent codes and can't delete any (wx-qr-03), less than one district's
doors. What hangs on doors is an address of ours.
"""

import logging

from bot.service import Service
from bot.wechat.client import client_of
from bot.wechat.errors import ApiFault

log = logging.getLogger(__name__)

LONGEST = 2_592_000
"""Seconds a temporary code may live (wx-qr-01)."""


def temporary(service: Service, scene: str, seconds: int) -> str | None:
    """The text of a code that works for `seconds`; None when the platform gives none just now.

    `scene`: 1 to 64 characters (wx-qr-02), never personal data.
    """
    if not 1 <= len(scene) <= 64 or not 1 <= seconds <= LONGEST:
        raise ValueError(f"a scene has 1 to 64 characters and lives 1 to {LONGEST} seconds")
    body = {
        "expire_seconds": seconds,
        "action_name": "QR_STR_SCENE",
        "action_info": {"scene": {"scene_str": scene}},
    }
    try:
        return str(client_of(service).call("qrcode/create", body)["url"])
    except (ApiFault, KeyError) as fault:
        log.warning("no temporary code: %s", fault)
        return None
