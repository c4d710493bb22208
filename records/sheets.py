"""Tables that people send: CSV in the encodings of this country's offices, and XLSX, read row by row.

Nothing is read whole: a file of 100 MB needs no more memory than a small one, except for an XLSX's shared texts, which
are bounded.
"""

import codecs
import csv
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

LARGEST = 120 * 1024 * 1024
_SHARED_LARGEST = 64 * 1024 * 1024
_SHEET_LARGEST = 2 * 1024 * 1024 * 1024
_HEADER_WITHIN = 12
"""A title or remarks may stand above the header; it must come within so many rows."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


def _broken() -> tuple[type[Exception], ...]:
    """What openpyxl, zipfile and the XML parser raise over a damaged file, each in its own words."""
    from openpyxl.utils.exceptions import InvalidFileException  # most processes never read a spreadsheet

    return (
        InvalidFileException, zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, TypeError,
        AttributeError, SyntaxError, OSError, RuntimeError, OverflowError,
    )  # fmt: skip


class SheetError(ValueError):
    """A file can't be read as a table. The message names the file, the fault and the way out."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its number in the file (from 1), and what stands under each known column."""

    number: int
    cells: dict[str, str]


def rows(path: Path, columns: Mapping[str, Sequence[str]], required: Iterable[str]) -> Iterator[Line]:
    """The rows of a CSV or XLSX file under the `columns` we know (name → other headings for it).

    Columns we don't know are left out, empty rows skipped. The header may stand below a title and, where cells were
    merged, spread over two rows. Raises `SheetError`.
    """
    if not path.is_file():
        raise SheetError(f"没有这个文件：{path}，请看看文件名")
    if path.stat().st_size > LARGEST:
        raise SheetError(f"{path.name} 超过{LARGEST >> 20}MB，请分成几个文件")
    read = _xlsx(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv(path)
    return _under_header(path, read, _headings(columns), set(required))


def _headings(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {_folded(heading): name for name, others in columns.items() for heading in (name, *others)}


def _folded(heading: str) -> str:
    return "".join(heading.lower().replace("（", "(").split("(")[0].split()).strip("*：:")


def _under_header(
    path: Path, read: Iterator[tuple[int, list[str]]], headings: Mapping[str, str], required: set[str]
) -> Iterator[Line]:
    above: list[str] = []
    header: list[str | None] = []
    for number, cells in read:
        if header:
            found = {name: cell for name, cell in zip(header, cells, strict=False) if name}
            if any(found.values()):
                yield Line(number, found)
            continue
        names = _named(cells, above, headings)
        if required <= set(names):
            doubled = next((n for n in names if n and names.count(n) > 1), None)
            if doubled:
                raise SheetError(f"{path.name} 有两列都是“{doubled}”，请留一列")
            header = names
        elif number >= _HEADER_WITHIN:
            break
        else:
            above = cells
    if not header:
        raise SheetError(
            f"{path.name} 前几行里没有表头；第一行要写明各列的名称，至少有："
            + "、".join(
                sorted({heading for heading in headings if headings[heading] in required and not heading.isascii()})
            )
        )


def _named(cells: list[str], above: list[str], headings: Mapping[str, str]) -> list[str | None]:
    """What each column is: by its own cell, or by the one above it where a heading was merged downwards."""
    uppers = above + [""] * (len(cells) - len(above))
    own = [headings.get(_folded(cell)) for cell in cells]
    if sum(name is not None for name in own) == 0:
        return list(own)
    return [
        name or (headings.get(_folded(upper)) if not cell else None)
        for name, cell, upper in zip(own, cells, uppers, strict=False)
    ]


def encoding_of(path: Path) -> str:
    """`utf-8-sig`, `utf-16` or `gb18030`. Raises `SheetError` when the bytes are none of these."""
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if start.startswith(b"PK\x03\x04") or start.startswith(b"\xd0\xcf\x11\xe0"):
            raise SheetError(f"{path.name} 是 Excel 文件，文件名要以 .xlsx 结尾（旧的 .xls 请先另存为 .xlsx）")
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise SheetError(f"{path.name} 的文字编码不是 UTF-8 也不是 GB18030，请另存为“CSV UTF-8”")


def _csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    encoding = encoding_of(path)
    line = 0
    try:
        with path.open(encoding=encoding, newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            reader = csv.reader(file, delimiter=delimiter)
            for cells in reader:
                line = reader.line_num
                yield line, [_bare(cell.strip()) for cell in cells]
    except (csv.Error, UnicodeError) as error:
        raise SheetError(f"{path.name} 第{line}行以后读不下去（{error}），请改好那一行") from error


def _xlsx(path: Path) -> Iterator[tuple[int, list[str]]]:
    _check_xlsx(path)
    try:
        from openpyxl import load_workbook

        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except _broken() as error:
        raise SheetError(f"{path.name} 打不开（{type(error).__name__}），请重新另存为 .xlsx") from error
    number = 0
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # files by other programs state wrong sizes
        for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            yield number, [_text(cell) for cell in cells]
    except _broken() as error:
        raise SheetError(f"{path.name} 第{number}行以后损坏了（{type(error).__name__}），请重新另存") from error
    finally:
        book.close()


def _check_xlsx(path: Path) -> None:
    """A small zip can hold gigabytes: look at the stated sizes before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except _broken() as error:
        raise SheetError(f"{path.name} 不是 XLSX 文件，请另存为 .xlsx 或 CSV") from error
    if sizes.get("xl/sharedStrings.xml", 0) > _SHARED_LARGEST or sum(sizes.values()) > _SHEET_LARGEST:
        raise SheetError(f"{path.name} 解开以后太大，请另存为 CSV 再导入")


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # Excel keeps phone numbers as numbers
    return _bare(str(cell).strip())


def _bare(cell: str) -> str:
    """Undo `safe`, so that an exported file can be loaded again."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in FORMULA else cell


def safe(cell: Any) -> str:
    """A cell's text that no spreadsheet will run as a formula (`=cmd|…`)."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(("=", "+", "-", "@")) else text


def writer(file: TextIO, columns: Sequence[str]) -> Any:
    """A CSV writer for `file` with its header written; give it rows through `safe`. Excel reads the file as UTF-8
    when it was opened with `utf-8-sig`."""
    made = csv.writer(file)
    made.writerow(columns)
    return made
