"""Label sheets, rendered and read again by a decoder and a renderer that aren't ours."""

from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from flask import Flask

from bot.rooms import labels
from records import room_codes, rooms
from records.base import read


def codes_on(path: Path, scale: float = 2.5) -> list[str]:
    """The texts of all codes in a PDF."""
    texts = []
    with pypdfium2.PdfDocument(path) as document:
        for index in range(len(document)):
            page = document[index]
            image = page.render(scale=scale).to_pil()
            page.close()
            texts += [found.text for found in zxingcpp.read_barcodes(image)]
    return texts


def words_on(path: Path) -> str:
    with pypdfium2.PdfDocument(path) as document:
        words = []
        for index in range(len(document)):
            page = document[index]
            text = page.get_textpage()
            words.append(text.get_text_range())
            text.close()
            page.close()
        return "\n".join(words)


@pytest.mark.parametrize("size", list(labels.SIZES))
def test_every_code_of_a_sheet_opens_its_room(web: Flask, tmp_path: Path, size: str) -> None:
    out = tmp_path / "labels.pdf"
    result = web.test_cli_runner().invoke(
        args=["rooms", "labels", str(out), "--where", "building=1号楼", "--size", size]
    )
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1].startswith("labels=6 pages=")
    urls = codes_on(out)
    with read(web.extensions["service"].engine) as conn:
        expected = {row.token: row for row in conn.execute(rooms.selection("building=1号楼"))}
    assert sorted(urls) == sorted(f"http://city.test/r/{token}" for token in expected)
    browser = web.test_client()
    for url in urls:
        page = browser.get(url.removeprefix("http://city.test"))
        assert expected[url.rsplit("/", 1)[1]].short in page.text
    assert all(row.printed_at for token in expected for row in _history(web, token))


def _history(web: Flask, token: str) -> list:
    with read(web.extensions["service"].engine) as conn:
        found = rooms.find(conn, token)
        return room_codes.history(conn, found.room.id)


def test_a_label_says_what_to_do_and_whom_to_call(web: Flask, tmp_path: Path) -> None:
    out = tmp_path / "labels.pdf"
    web.test_cli_runner().invoke(args=["rooms", "labels", str(out), "--where", "building=1号楼,room=101"])
    words = words_on(out)
    for expected in ("扫码登记入住", "样板村", "101", "NB-FH-0000", "110", "119", "120", "不收费"):
        assert expected in words


def test_a_selection_of_nothing_says_so(web: Flask, tmp_path: Path) -> None:
    runner = web.test_cli_runner()
    nothing = runner.invoke(args=["rooms", "labels", str(tmp_path / "a.pdf"), "--where", "building=无此楼"])
    assert nothing.exit_code == 1 and "no room fits" in nothing.output
    wrong = runner.invoke(args=["rooms", "labels", str(tmp_path / "a.pdf"), "--where", "floor=2"])
    assert wrong.exit_code == 1 and "there is no key 'floor'" in wrong.output
    assert not (tmp_path / "a.pdf").exists()


def test_without_a_font_the_package_is_named(web: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "_ROOTS", (tmp_path,))
    result = web.test_cli_runner().invoke(args=["rooms", "labels", str(tmp_path / "a.pdf")])
    assert result.exit_code == 1 and "fonts-noto-cjk" in result.output


def test_a_revoked_code_is_printed_anew(web: Flask, tmp_path: Path) -> None:
    with read(web.extensions["service"].engine) as conn:
        before = conn.execute(rooms.selection("building=1号楼,room=101")).one()
    runner = web.test_cli_runner()
    done = runner.invoke(args=["rooms", "revoke", before.short, "NB-FH-999999", "--reason", "被撕"])
    assert done.output.splitlines()[-1] == "revoked=1 unknown=1"
    out = tmp_path / "a.pdf"
    runner.invoke(args=["rooms", "labels", str(out), "--where", f"short={before.short}"])
    assert codes_on(out)[0].rsplit("/", 1)[1] != before.token


def test_guessing_is_hopeless_by_arithmetic() -> None:
    rooms_there, guesses = 80_000, 10**9
    assert rooms_there * guesses / 2**room_codes.BITS < 1e-10
    tokens = {room_codes.new_token() for _ in range(2000)}
    assert len(tokens) == 2000
    assert all(room_codes.read_token(token) == token for token in tokens)
    used = {char for token in tokens for char in token}
    assert used == set(room_codes.ALPHABET)


def test_one_wrong_or_two_swapped_characters_are_noticed() -> None:
    token = room_codes.new_token()
    for index, char in enumerate(token):
        for other in room_codes.ALPHABET:
            if other != char:
                assert room_codes.read_token(token[:index] + other + token[index + 1 :]) is None
    assert room_codes.read_token(token.lower()) == token
    assert room_codes.read_token("-".join((token[:6], token[6:12], token[12:]))) == token
