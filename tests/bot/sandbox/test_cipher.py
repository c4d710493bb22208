"""The platform's envelope, checked against somebody else's and against damage."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from bot.sandbox import cipher, wire

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP = "wx0123456789abcdef"


@given(st.text(max_size=300))
def test_what_is_sealed_opens_again_whatever_its_length(text):
    assert cipher.unseal(cipher.seal(text, APP, KEY), APP, KEY) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
def test_any_text_survives_as_an_element(text):
    assert wire.read(wire.to_xml({"Content": text})) == {"Content": text}


def test_an_answer_sealed_by_another_library_opens():
    sealed = WeChatCrypto("token", KEY, APP).encrypt_message("<xml><A>签注</A></xml>", "nonce", "1")
    account = wire.Account(APP, "s", "token", KEY)
    assert wire.open_answer(account, "safe", sealed)[0] == {"A": "签注"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("%%%", "base64"),
        (base64.b64encode(b"x" * 15).decode(), "16"),
        ("", "16"),
        (cipher.seal("x", APP, "Z" * 42 + "A"), "填充|AppID"),
        (cipher.seal("x", "wx-somebody-else", KEY), "AppID"),
    ],
    ids=["no-base64", "cut", "empty", "other-key", "other-account"],
)
def test_a_damaged_envelope_is_named(text, fault):
    with pytest.raises(cipher.BadEnvelope, match=fault):
        cipher.unseal(text, APP, KEY)
