"""A reply is always one well-formed message that says what was meant, and what is too long follows whole."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bot.message import Choice, Link, Reply
from bot.wechat import replies, wire
from bot.wechat.channel import Channel
from bot.wechat.gateway import Received
from settings import Settings

from .conftest import ACCOUNT, NOW, OPENID

TO = Received("text", ACCOUNT, OPENID, safe=False)
CHOICES = (Choice("要带什么", "permit_renewal/papers"), Choice("找工作人员", "human_agent"))


@examples(max_examples=200)
@given(st.text(max_size=200))
def test_no_text_breaks_out_of_its_field(text: str) -> None:
    for hostile in (text, f"]]>{text}", f"]]></Content><MsgType>news</MsgType><Content><![CDATA[{text}]]>"):
        xml = wire.write_xml({"ToUserName": OPENID, "MsgType": "text", "Content": hostile})
        fields = wire.read(xml.encode())
        assert list(fields) == ["ToUserName", "MsgType", "Content"]
        assert fields["MsgType"] == "text"
        assert fields["Content"] == wire.printable(hostile).replace("\r\n", "\n").replace("\r", "\n")


def test_control_characters_do_not_leave(settings: Settings) -> None:
    assert wire.cdata("您\x00好\x0b\ud800") == "<![CDATA[您好]]>"
    xml = replies.passive(settings, TO, "您\x00好\x0b\ud800", NOW)
    assert wire.read(xml.encode())["Content"] == "您好"


def test_choices_become_numbers_and_links_become_absolute(settings: Settings) -> None:
    said = [
        Reply("可以续签。", CHOICES, (Link("我的记录", "/me"),)),
        Reply("还有事吗？", (Choice("没有了", "goodbye"),)),
    ]
    text, rest = replies.first_and_rest(settings, said)
    assert text == (
        '可以续签。\n<a href="http://city.test/me">我的记录</a>\n\n回复数字：\n1 要带什么\n2 找工作人员'
        "\n\n还有事吗？\n\n回复数字：\n3 没有了"
    )
    assert rest == []


def test_words_cannot_bring_links_of_their_own(settings: Settings) -> None:
    text, _ = replies.first_and_rest(settings, [Reply('您说的<a href="http://evil.test">点我</a>我记下了，3<5')])
    assert "<a" not in text
    assert "</a" not in text
    assert "3<5" in text


def test_a_label_cannot_close_its_link(settings: Settings) -> None:
    text, _ = replies.first_and_rest(settings, [Reply(links=(Link('"></a>', '/x?a="&b'),))])
    assert text == '<a href="http://city.test/x?a=&quot;&amp;b">&quot;&gt;&lt;/a&gt;</a>'


def test_nothing_to_say_is_nothing(settings: Settings) -> None:
    assert replies.first_and_rest(settings, []) == ("", [])
    assert replies.payloads(settings, [Reply()]) == []


# --- cutting


@examples(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("居住证。\n，a é👩🏽‍💻🇨🇳1️⃣é"), max_size=900), st.integers(40, 200))
def test_a_cut_text_fits_and_loses_nothing(text: str, limit: int) -> None:
    pieces = replies.split(text, limit)
    assert all(0 < len(piece.encode()) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@examples(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["👩🏽‍💻", "🇨🇳", "e\u0301", "1\ufe0f\u20e3", "证", "❤\ufe0f"]), min_size=20, max_size=200)
)
def test_a_cut_never_goes_through_a_character_as_people_see_it(shown: list[str]) -> None:
    for piece in replies.split("".join(shown), 60):
        assert not unicodedata.combining(piece[0])
        assert piece[0] not in "\u200d\ufe0f\u20e3\U0001f3fd"
        assert piece[-1] != "\u200d"
        assert piece.count("🇨") == piece.count("🇳")


def test_a_cut_prefers_the_end_of_a_line_or_sentence() -> None:
    line = "居住证每年签注一次。"
    pieces = replies.split((line * 30 + "\n") * 3)
    assert len(pieces) > 1
    assert all(piece.endswith("。") for piece in pieces)


def test_a_cut_never_goes_through_a_link() -> None:
    link = '<a href="http://city.test/me?from=a,b. c">我的 记录</a>'
    for before in range(1900, 2000):
        pieces = replies.split("x" * before + link + "尾")
        assert sum(link in piece for piece in pieces) == 1


def test_something_longer_than_a_message_without_a_break_is_still_cut() -> None:
    monster = "e" + "\u0301" * 3000
    assert "".join(replies.split(monster)) == monster
    assert all(len(piece.encode()) <= replies.LIMIT for piece in replies.split(monster))


def test_a_long_answer_goes_out_as_passive_text_and_customer_messages(settings: Settings) -> None:
    said = [Reply("居住证每年签注一次。\n" * 100, CHOICES)]
    text, rest = replies.first_and_rest(settings, said)
    assert len(text.encode()) <= replies.LIMIT
    assert [payload["kind"] for payload in rest] == ["text"]
    assert rest[-1]["text"].endswith("1 要带什么\n2 找工作人员")
    assert Channel(settings).overflow(said) == rest


# --- as customer messages


def test_a_service_account_offers_a_menu_and_others_numbers(settings: Settings) -> None:
    said = [Reply("可以续签。", CHOICES), Reply("还有事吗？")]
    menu = Channel(settings).payloads(said)
    assert menu == [
        {
            "kind": "menu",
            "head": "可以续签。\n\n还有事吗？",
            "choices": [
                {"id": "permit_renewal/papers", "label": "要带什么"},
                {"id": "human_agent", "label": "找工作人员"},
            ],
        }
    ]
    for kind in ("subscription", "test"):
        numbers = replies.payloads(replace(settings, account_kind=kind), said)
        assert [payload["kind"] for payload in numbers] == ["text"]
        assert "1 要带什么" in numbers[0]["text"]


def test_a_long_answer_with_choices_uses_few_messages_and_ends_with_the_menu(settings: Settings) -> None:
    sent = replies.payloads(settings, [Reply("居住证每年签注一次。\n" * 100, CHOICES)])
    assert [payload["kind"] for payload in sent] == ["text", "menu"]
    assert all(len((payload.get("text") or payload["head"]).encode()) <= replies.LIMIT for payload in sent)


def test_choices_alone_get_a_question_above_them(settings: Settings) -> None:
    assert replies.payloads(settings, [Reply(choices=CHOICES)])[0]["head"] == "请选择："


@pytest.mark.parametrize("safe", [True, False])
def test_the_answer_goes_back_to_who_asked(settings: Settings, safe: bool) -> None:
    body = replies.passive(settings, replace(TO, safe=safe), "您好", NOW)
    fields = wire.read(body.encode())
    assert ("Encrypt" in fields) is safe
    if not safe:
        assert (fields["ToUserName"], fields["FromUserName"]) == (OPENID, ACCOUNT)
        assert fields["CreateTime"] == str(int(NOW.timestamp()))


def test_each_sealed_answer_has_a_nonce_of_its_own(settings: Settings) -> None:
    nonces = {
        wire.read(replies.passive(settings, replace(TO, safe=True), "您好", NOW).encode())["Nonce"] for _ in range(5)
    }
    assert len(nonces) == 5
