"""The mini-program beside the account: who opened it. Source: platform document "小程序登录" (`code2Session`)."""

from bot.service import Service
from bot.wechat.client import client_of
from bot.wechat.errors import ApiFault


def openid_of(service: Service, code: str) -> str | None:
    """The openid behind a code of wx.login; None for one that is used up, too old or made up.

    The session key that comes with it is dropped: we decrypt nothing of the platform's. Raises `ConnectionError` when
    the platform doesn't answer, or refuses for a reason that only operators can mend.
    """
    try:
        return client_of(service).mini_openid(service.settings.mini_app_id, service.settings.mini_app_secret, code)
    except ApiFault as fault:
        if fault.action == "drop_for_user":
            return None
        raise ConnectionError(str(fault)) from None
