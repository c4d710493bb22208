"""Label sheets as PDF: the room's code, its address, what to do with it, and whom to call in an emergency.

Text is drawn with a Noto font found on the system, of which the PDF carries the characters used. A code is drawn as a
one-bit image of one sample a module: exact at any size, and small enough for 80,000 labels in one file.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import segno

if TYPE_CHECKING:  # 24 MB that only the command that draws labels needs
    from fpdf import FPDF

_FONTS = (
    "opentype/noto/NotoSansCJK-Regular.ttc", "noto-cjk/NotoSansCJK-Regular.ttc", "google-noto-cjk/NotoSansCJK-Regular.ttc",
    "google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc", "truetype/noto/NotoSansCJK-Regular.ttc",
)  # fmt: skip
_ROOTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
_SIMPLIFIED = 2
"""Which font of the collection draws mainland shapes (JP, KR, SC, TC, HK)."""
_MASK = 3
"""Choosing the best of eight masks costs six times the rest of the code; random tokens look alike under all."""
EMERGENCY = ("报警110　火警119", "急救120　热线12345")


class NoFont(RuntimeError):
    """There is no font here that can draw Chinese."""


@dataclass(frozen=True, slots=True)
class Size:
    """A sheet and the labels on it, in millimetres. `code`: the side of the code's square, quiet zone included."""

    title: str
    page: tuple[float, float]
    columns: int
    rows: int
    label: tuple[float, float]
    code: float
    text: float
    """Points of the ordinary lines."""


A4 = (210.0, 297.0)
SIZES = {
    "24": Size("A4，一页24张（70×37毫米）", A4, 3, 8, (70, 37), 31, 6.2),
    "10": Size("A4，一页10张（99×57毫米）", A4, 2, 5, (99, 57), 48, 8.5),
    "2": Size("A4，一页2张大门牌", A4, 1, 2, (210, 148.5), 110, 16),
    "roll": Size("标签打印机（60×40毫米）", (60, 40), 1, 1, (60, 40), 30, 5.6),
}
"""What `--size` may be."""


def font() -> Path:
    """The font that Chinese is drawn with. Raises `NoFont` naming the package to install."""
    for root in _ROOTS:
        for name in _FONTS:
            if (root / name).is_file():
                return root / name
    raise NoFont(
        "no font for Chinese found under /usr/share/fonts; install one: apt install fonts-noto-cjk "
        "(Fedora: google-noto-sans-cjk-fonts), then run the command again"
    )


def draw(
    batches: Iterable[Sequence[Any]], out: Path, size: Size, public_url: str,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[int, int]:  # fmt: skip
    """Write the labels of rooms (rows of `rooms.selection`) to `out`; returns how many labels and pages.

    Raises `NoFont`. The file is whole or not there.
    """
    from fpdf import FPDF
    from fpdf.enums import PageOrientation

    pdf = FPDF(orientation=PageOrientation.PORTRAIT, unit="mm", format=size.page)
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_title("房间码")
    pdf.add_font("noto", "", font(), collection_font_number=_SIMPLIFIED)
    each = size.columns * size.rows
    left = (size.page[0] - size.columns * size.label[0]) / 2
    top = (size.page[1] - size.rows * size.label[1]) / 2
    count = 0
    for batch in batches:
        for room in batch:
            place = count % each
            if place == 0:
                pdf.add_page()
            row, column = divmod(place, size.columns)
            _label(pdf, room, left + column * size.label[0], top + row * size.label[1], size, public_url)
            count += 1
        progress(len(batch))
    if count == 0:
        return 0, 0
    draft = out.with_name(out.name + ".part")
    pdf.output(str(draft))
    draft.replace(out)
    return count, pdf.pages_count


def document(rooms: Sequence[Any], size: str, public_url: str) -> bytes:
    """The labels of some rooms (rows of `rooms.selection`) as one PDF, for the console. `size`: a key of `SIZES`.

    Raises `NoFont`.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "labels.pdf"
        draw([rooms], out, SIZES[size], public_url)
        return out.read_bytes()


def _label(pdf: "FPDF", room: Any, x: float, y: float, size: Size, public_url: str) -> None:
    width, height = size.label
    side = size.code
    pad = (height - side) / 2 if size.page == A4 else 2.0
    _code(pdf, f"{public_url}/r/{room.token}", x + pad, y + (height - side) / 2, side)
    point = size.text
    line = point * 0.3528 * 1.38
    text_x = x + pad + side + 1
    fits = width - (text_x - x) - 2
    names = room.path.split("/")
    area = [(one, 1.0) for one in _wrapped(" ".join(names[2:4]), fits, point)]
    door = [(one, 1.25) for one in _wrapped(f"{names[5]} {room.number}", fits, point * 1.25)]
    cursor = y + height * 0.08 + line * 1.3
    for words, scale in (("扫码登记入住", 1.4), *area, *door, (room.short, 1.2)):
        _write(pdf, words, text_x, cursor, point * scale)
        cursor += line * max(scale, 1.05)
    for words in _wrapped("微信扫一扫，不收费。码坏了：把编号发给公众号。", fits, point * 0.82):
        _write(pdf, words, text_x, cursor, point * 0.82)
        cursor += line * 0.85
    cursor = max(cursor + line * 0.1, y + height * 0.95 - line * 0.95)
    for words in EMERGENCY:
        _write(pdf, words, text_x, cursor, point * 0.9)
        cursor += line * 0.95


def _write(pdf: "FPDF", words: str, x: float, y: float, point: float) -> None:
    pdf.set_font("noto", size=point)
    pdf.text(x, y, words)


def _wrapped(words: str, width: float, point: float) -> list[str]:
    """Lines that fit `width` mm at `point`: a Chinese character is one em wide, others not more than 0.62.

    Lines break at spaces where there are some, otherwise anywhere but before a mark.
    """
    most = width / (point * 0.3528)
    lines, line, used = [], "", 0.0
    for piece in _pieces(words):
        wide = sum(_em(char) for char in piece)
        if line and used + wide > most and piece not in "，。：、":
            lines.append(line.strip())
            line, used = "", 0.0
        line, used = line + piece, used + wide
    return [*lines, line.strip()] if line.strip() else lines


def _em(char: str) -> float:
    return 1.0 if ord(char) > 0x2E7F else 0.6


def _pieces(words: str) -> list[str]:
    """Chinese characters one by one, runs of anything else whole."""
    pieces: list[str] = []
    for char in words:
        if pieces and ord(char) <= 0x2E7F and ord(pieces[-1][-1]) <= 0x2E7F and not pieces[-1].endswith(" "):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _code(pdf: "FPDF", url: str, x: float, y: float, side: float) -> None:
    """Draw a QR code (error correction M, four modules of quiet zone) into a square of `side` mm."""
    matrix = segno.make(url, error="m", micro=False, boost_error=False, mask=_MASK).matrix
    modules = len(matrix)
    padding = -modules % 8
    data = "".join(f"{int(bytes(row).translate(_DIGITS), 2) << padding:0{(modules + padding) // 4}X}" for row in matrix)
    quiet = side * 4 / (modules + 8)
    inner = (side - 2 * quiet) * pdf.k
    left, bottom = (x + quiet) * pdf.k, (pdf.h - y - side + quiet) * pdf.k
    # FPDF has no public way to draw an inline image; an XObject for each label would make 80,000 objects.
    pdf._out(
        f"q 0 g {inner:.2f} 0 0 {inner:.2f} {left:.2f} {bottom:.2f} cm "
        f"BI /W {modules} /H {modules} /IM true /D [1 0] /F /AHx ID {data}> EI Q"
    )


_DIGITS = bytes.maketrans(b"\x00\x01", b"01")
