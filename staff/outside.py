"""The outside notice: when nobody in the console takes an alarm, a WeCom group and a few mailboxes are told.

Real senders with a null twin, which only logs: what isn't set up doesn't stop the alarm inside. No notice says who
the person is or what was said.
"""

import logging
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from settings import Settings

log = logging.getLogger(__name__)

Sender = Callable[[str], None]
"""Tells one text to the outside. Raises `NotTold`."""
_PATIENCE = 5.0  # seconds for each sender


class NotTold(Exception):
    """A notice did not go out. The message says where to and why, without secrets."""


def senders(settings: Settings) -> list[Sender]:
    """What was set up, at least the null twin."""
    made: list[Sender] = []
    if settings.outside_webhook:
        made.append(lambda text: group_robot(settings.outside_webhook, text))
    if settings.smtp_url and settings.outside_mail_to:
        made.append(lambda text: mail(settings, text))
    return made or [nobody]


def is_set_up(settings: Settings) -> bool:
    """Whether a notice has anywhere to go."""
    return bool(settings.outside_webhook or (settings.smtp_url and settings.outside_mail_to))


def nobody(text: str) -> None:
    """The null twin."""
    log.warning("an outside notice has nowhere to go: set OUTSIDE_WEBHOOK, or SMTP_URL and OUTSIDE_MAIL_TO")


def group_robot(webhook: str, text: str) -> None:
    """A WeCom group robot (企业微信群机器人): everybody in the group is called. At most 20 a minute are taken."""
    import httpx  # 40 modules and 5 MB, for what hardly ever happens

    message = {"msgtype": "text", "text": {"content": text, "mentioned_list": ["@all"]}}
    try:
        answer = httpx.post(webhook, json=message, timeout=_PATIENCE)
        errcode = answer.json().get("errcode") if answer.status_code == 200 else answer.status_code
    except (httpx.HTTPError, ValueError) as error:
        raise NotTold(f"the group robot can't be reached ({type(error).__name__})") from error
    if errcode != 0:  # an HTTP 200 with an error code is a failure
        raise NotTold(f"the group robot refused: {errcode}")


def mail(settings: Settings, text: str) -> None:
    """An e-mail to everybody in OUTSIDE_MAIL_TO, over TLS where the server offers it."""
    server = urlsplit(settings.smtp_url)
    secure = server.scheme == "smtps"
    to = [address.strip() for address in settings.outside_mail_to.split(",") if address.strip()]
    message = EmailMessage()
    message["Subject"] = "【紧急】有人可能有生命危险，警报没有人接"
    message["From"] = settings.outside_mail_from or unquote(server.username or "") or to[0]
    message["To"] = ", ".join(to)
    message.set_content(text)
    host, port = server.hostname or "localhost", server.port or (465 if secure else 25)
    try:
        checked = ssl.create_default_context()  # without one, smtplib takes any certificate
        with (
            smtplib.SMTP_SSL(host, port, timeout=_PATIENCE, context=checked)
            if secure
            else smtplib.SMTP(host, port, timeout=_PATIENCE)
        ) as client:
            if not secure and client.has_extn("starttls"):
                client.starttls(context=checked)
            if server.username:
                client.login(unquote(server.username), unquote(server.password or ""))
            client.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        raise NotTold(f"the mail server {host} did not take the notice ({type(error).__name__})") from error


def tell(settings: Settings, text: str) -> bool:
    """Send a notice everywhere. True when it went out somewhere, or there is nowhere to send it."""
    told = False
    for sender in senders(settings):
        try:
            sender(text)
            told = True
        except NotTold as fault:
            log.error("outside notice: %s", fault)
    return told
