"""The tree of places: national → zhejiang → ningbo → district, national → guangdong → zhongshan."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from knowledge_base import yamlsafe
from knowledge_base.schema import Fault, KnowledgeError


@dataclass(frozen=True, slots=True)
class Region:
    """One place. key is used in data, name (海曙区) and short (海曙) are what people read and say."""

    key: str
    name: str
    short: str
    parent: str | None = None


@dataclass(frozen=True)
class RegionTree:
    """All places by key. Unknown keys raise KeyError with the key."""

    regions: Mapping[str, Region]

    def __contains__(self, key: object) -> bool:
        return key in self.regions

    def name(self, key: str) -> str:
        """海曙区 for haishu."""
        return self.regions[key].name

    def chain(self, key: str) -> tuple[str, ...]:
        """The place and everything around it, most specific first: haishu, ningbo, zhejiang, national."""
        return self._chains[key]

    def inside(self, key: str) -> frozenset[str]:
        """The place and every place within it."""
        return frozenset(other for other, chain in self._chains.items() if key in chain)

    def of_name(self, name: str) -> str | None:
        """The key for 海曙区, 海曙 or haishu; None when there is no such place."""
        return self._names.get(name)

    @cached_property
    def _chains(self) -> dict[str, tuple[str, ...]]:
        chains: dict[str, tuple[str, ...]] = {}
        for key in self.regions:
            chain: list[str] = []
            at: str | None = key
            while at is not None:
                chain.append(at)
                at = self.regions[at].parent
            chains[key] = tuple(chain)
        return chains

    @cached_property
    def _names(self) -> dict[str, str]:
        return {word: r.key for r in self.regions.values() for word in (r.key, r.name, r.short)}


def load(path: Path) -> RegionTree:
    """Read regions.yml. Raises KnowledgeError when a parent is missing or comes after its child."""
    try:
        data: Any = yamlsafe.read(path)
    except (OSError, yamlsafe.YamlFault) as error:
        raise KnowledgeError([Fault(path.name, "", "", str(error))]) from error
    regions: dict[str, Region] = {}
    faults: list[Fault] = []
    for row in data["regions"]:
        region = Region(row["key"], row["name"], row["short"], row.get("parent"))
        if region.parent is not None and region.parent not in regions:
            fault = f"is not a region named above: {region.parent}"
            faults.append(Fault(path.name, region.key, "parent", fault))
        elif region.key in regions:
            faults.append(Fault(path.name, region.key, "key", "is given twice"))
        else:
            regions[region.key] = region
    if faults:
        raise KnowledgeError(faults)
    return RegionTree(MappingProxyType(regions))
