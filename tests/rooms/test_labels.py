"""Label sheets, rendered and read again by a decoder and a renderer that aren't ours."""

from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from flask import Flask
from sqlalchemy import select

from bot.rooms import labels
from records import places, room_codes, rooms
from records.base import read

from .test_desk import desk


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


def test_the_console_hands_out_a_sheet_for_what_is_not_printed_yet(web: Flask, tmp_path: Path) -> None:
    engine = web.extensions["service"].engine
    officer = desk(web, "officer")
    with read(engine) as conn:
        village = conn.execute(select(places.Place.id).where(places.Place.name == "样板村")).scalar_one()
    answer = officer.post("/staff/rooms/labels", data={"place": village, "only": "unprinted", "size": "24"})
    assert answer.mimetype == "application/pdf" and "room-codes-" in answer.headers["Content-Disposition"]
    out = tmp_path / "labels.pdf"
    out.write_bytes(answer.data)
    urls = codes_on(out)
    with read(engine) as conn:
        printed = {row.short for row in conn.execute(rooms.selection("printed=yes"))}
        assert conn.execute(rooms.selection("printed=no")).all() == []
    assert len(urls) == 10 and len(printed) == 30  # of the village's thirty rooms, twenty had been printed
    again = officer.post(
        "/staff/rooms/labels", data={"place": village, "only": "unprinted", "size": "24"}, follow_redirects=True
    )
    assert "没有要打印的房间码" in again.text


def test_the_console_prints_some_rooms_by_their_numbers_and_names_those_it_lacks(web: Flask, tmp_path: Path) -> None:
    officer = desk(web, "officer")
    answer = officer.post("/staff/rooms/labels", data={"codes": "nb fh 000003，NB-FH-000005", "size": "2"})
    assert answer.status_code == 302  # a number with spaces in it is three words
    answer = officer.post("/staff/rooms/labels", data={"codes": "NB-FH-000003，nb-fh-000005", "size": "2"})
    out = tmp_path / "two.pdf"
    out.write_bytes(answer.data)
    assert len(codes_on(out)) == 2 and "NB-FH-000003" in words_on(out)
    for codes, said in (
        ("NB-FH-999999", "没有这些编号：NB-FH-999999"),
        ("abc", "看不懂：abc"),
        ("", "请先在房态里选一个地方"),
    ):
        page = officer.post("/staff/rooms/labels", data={"codes": codes, "size": "24"}, follow_redirects=True)
        assert said in page.text
    assert officer.post("/staff/rooms/labels", data={"codes": "NB-FH-000003", "size": "77"}).status_code == 400
    assert desk(web, "front_desk").post("/staff/rooms/labels", data={"codes": "NB-FH-000003"}).status_code == 403


def test_the_console_prints_nothing_of_another_district(web: Flask) -> None:
    stranger = desk(web, "officer", "cixi")
    page = stranger.post("/staff/rooms/labels", data={"codes": "NB-FH-000003", "size": "24"}, follow_redirects=True)
    assert "没有这些编号" in page.text
