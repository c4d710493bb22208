"""YAML from people: bounded, without aliases, duplicate keys or surprises of type.

Dates, yes/no and octal-looking numbers stay text, so that the schema can say what is wrong with them.
"""

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

MAX_BYTES = 1_000_000  # a family of articles is some 100 KB; nobody writes a megabyte by hand
MAX_DEPTH = 12

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlFault(ValueError):
    """The file can't be read; the text says why and, where known, at which line."""


class _Loader(_Base):  # type: ignore[misc]
    """Safe loader that knows only null, true/false, decimal numbers and text."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlFault(f"line {key.start_mark.line + 1}: a name must be plain text")
            if key.value in seen:
                raise YamlFault(f"line {key.start_mark.line + 1}: `{key.value}` is given twice")
            seen.add(key.value)
        result: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return result


for _type, _pattern, _first in (
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^-?(?:0|[1-9]\d{0,14})$", list("-0123456789")),
    ("float", r"^-?\d{1,15}\.\d{1,15}$", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_type}", re.compile(_pattern), _first)


def parse(text: str) -> Any:
    """The data in a YAML text. Raises YamlFault for bad syntax, aliases, repeated names or deep nesting."""
    if len(text.encode()) > MAX_BYTES:
        raise YamlFault(f"is larger than {MAX_BYTES // 1000} KB; split it")
    try:
        _refuse_bombs(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise YamlFault(f"{line}is not valid YAML: {problem}") from error


def read(path: Path) -> Any:
    """The data in a YAML file; see parse. The size is looked at before the file is read."""
    if path.stat().st_size > MAX_BYTES:
        raise YamlFault(f"is larger than {MAX_BYTES // 1000} KB; split it")
    try:
        return parse(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise YamlFault(f"is not UTF-8 text (byte {error.start})") from error


def _refuse_bombs(text: str) -> None:
    # A handful of nested aliases can stand for billions of nodes; our files need none.
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise YamlFault(f"{_line(event)}aliases (*{event.anchor}) are not allowed")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            raise YamlFault(f"{_line(event)}tags ({event.tag}) are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlFault(f"{_line(event)}is nested more than {MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}: " if event.start_mark else ""
