"""The arithmetic of the rules: a few operators and functions over numbers, dates and yes/no, and nothing else.

An expression is parsed once and walked, never executed: no attributes, no subscripts, no names but the given ones.
Numbers are decimals, so that 0.1 + 0.2 is 0.3 and money does not drift.
"""

import ast
import calendar
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Value = Any  # Decimal | date | bool | str | list | dict, as a rule's inputs and parameters are


class Unknown(LookupError):
    """A name without a value was needed. `name` says which."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class BadExpression(ValueError):
    """An expression that can't be read or does not fit its values; the text says why."""


def add_years(day: date, years: Decimal) -> date:
    """The same day some years on; 29 February becomes 28 February."""
    return add_months(day, years * 12)


def add_months(day: date, months: Decimal) -> date:
    """The same day some months on, or the last of the month when it has no such day."""
    index = day.year * 12 + day.month - 1 + int(months)
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def add_days(day: date, days: Decimal) -> date:
    return day + timedelta(days=int(days))


def full_months(start: date, end: date) -> Decimal:
    """Whole months from start to end; 0 when end is before start."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if add_months(start, Decimal(months)) > end:
        months -= 1
    return Decimal(max(months, 0))


def full_years(start: date, end: date) -> Decimal:
    """Whole years from start to end: an age, a length of service."""
    return full_months(start, end) // 12


def pick(table: Mapping[str, Decimal], key: Value) -> Value:
    """The entry of a table for a key. Raises Unknown when the table has none or has it as unknown."""
    found = table.get(_key(key))
    if found is None:
        raise Unknown(_key(key))
    return found


def band(table: Mapping[str, Decimal], number: Decimal) -> Decimal:
    """The entry whose lower bound is the highest one not above a number: 1: 12, 5: 18 gives 18 for 7."""
    reached = [Decimal(bound) for bound in table if Decimal(bound) <= number]
    if not reached:
        raise Unknown(_key(number))
    return table[_key(max(reached))]


def money(amount: Decimal) -> Decimal:
    """To the cent, half up."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _key(value: Value) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "add_years": add_years,
    "add_months": add_months,
    "add_days": add_days,
    "full_months": full_months,
    "full_years": full_years,
    "days": lambda start, end: Decimal((end - start).days),
    "pick": pick,
    "band": band,
    "money": money,
    "min": min,
    "max": max,
}
_BINARY: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; text is as the rule's author wrote it."""

    text: str
    tree: ast.expr

    def names(self) -> set[str]:
        """The inputs, parameters and results it may need."""
        return {n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name)} - set(FUNCTIONS) - {"given"}

    def value(self, known: Mapping[str, Value]) -> Value:
        """What it comes to. Raises Unknown for a missing name and BadExpression where values don't fit."""
        try:
            return _walk(self.tree, known)
        except (TypeError, ValueError, ArithmeticError, AttributeError, OverflowError) as error:
            if isinstance(error, BadExpression):
                raise
            raise BadExpression(f"{self.text}: {error}") from error


def parse(text: str) -> Expression:
    """Read an expression. Raises BadExpression for anything beyond the operators and functions above."""
    if len(text) > 300:
        raise BadExpression(f"is longer than 300 characters: {text[:40]}…")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise BadExpression(f"is not an expression: {text}") from error
    for node in ast.walk(tree):
        _check(node, text)
    return Expression(text, tree)


def _check(node: ast.AST, text: str) -> None:
    fine: tuple[type[ast.AST], ...] = (
        ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Compare, ast.IfExp, ast.Name,
        ast.Load, ast.Constant, ast.Call, *_BINARY, *_COMPARE,
    )  # fmt: skip
    if not isinstance(node, fine):
        raise BadExpression(f"may not use {type(node).__name__}: {text}")
    if isinstance(node, ast.Constant) and not isinstance(node.value, int | float | str | bool):
        raise BadExpression(f"may not hold {node.value!r}: {text}")
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else "?"
        if (name not in FUNCTIONS and name != "given") or node.keywords:
            raise BadExpression(f"knows no function {name}: {text}")


def _walk(node: ast.expr, known: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=bool() | str() as value):
            return value
        case ast.Constant(value=value):
            return Decimal(str(value))
        case ast.Name(id=name):
            if known.get(name) is None:
                raise Unknown(name)
            return known[name]
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_walk(value, known) for value in values)
        case ast.BoolOp(values=values):
            return any(_walk(value, known) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _walk(operand, known)
        case ast.UnaryOp(operand=operand):
            return -_walk(operand, known)
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_walk(left, known), _walk(right, known))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _walk(body if _walk(test, known) else orelse, known)
        case ast.Compare():
            return _compare(node, known)
        case ast.Call(func=ast.Name(id="given"), args=[ast.Name(id=name)]):
            return known.get(name) is not None
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name](*(_walk(arg, known) for arg in args))
    raise BadExpression(f"may not use {type(node).__name__}")


def _compare(node: ast.Compare, known: Mapping[str, Value]) -> bool:
    left = _walk(node.left, known)
    for op, right_node in zip(node.ops, node.comparators, strict=True):
        right = _walk(right_node, known)
        if not _COMPARE[type(op)](left, right):
            return False
        left = right
    return True
