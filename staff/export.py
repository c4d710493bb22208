"""Tables to take away, as CSV or XLSX. A cell that a spreadsheet would run as a formula is made plain text."""

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO
from typing import Any

from flask import Response, abort

from records import sheets


def answer(name: str, head: Sequence[str], rows: Sequence[Sequence[Any]], kind: str) -> Response:
    """A file to download. `kind`: `csv` (with a byte order mark, so that spreadsheets read Chinese) or `xlsx`."""
    if kind == "csv":
        text = StringIO()
        writer = csv.writer(text)
        writer.writerow(head)
        writer.writerows([plain(cell) for cell in row] for row in rows)
        body, mimetype = b"\xef\xbb\xbf" + text.getvalue().encode(), "text/csv; charset=utf-8"
    elif kind == "xlsx":
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        sheet = book.create_sheet(name)
        sheet.append(list(head))
        for row in rows:
            sheet.append([plain(cell) for cell in row])
        file = BytesIO()
        book.save(file)
        body, mimetype = file.getvalue(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    else:
        abort(400, "只能导出 csv 或 xlsx。")
    return Response(body, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'})


def plain(cell: Any) -> Any:
    """A cell as it may stand in a spreadsheet: numbers as they are, texts never a formula."""
    return cell if isinstance(cell, int | float) or cell is None else sheets.safe(cell)
