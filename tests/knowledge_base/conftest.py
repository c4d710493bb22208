from pathlib import Path

import pytest

import knowledge_base
from tests.knowledge_base.kit import ARTICLE, write


@pytest.fixture(scope="session")
def knowledge():
    """The knowledge base as it ships."""
    return knowledge_base.load()


@pytest.fixture
def folder(tmp_path):
    """A small knowledge base to spoil: real regions and hotlines, one article in ningbo/permit.yml."""
    shipped = Path(knowledge_base.__file__).parent
    for name in ("regions.yml", "hotlines.yml", "synonyms.yml"):
        (tmp_path / name).write_text((shipped / name).read_text(encoding="utf-8"), encoding="utf-8")
    write(tmp_path, "ningbo/permit.yml", ARTICLE)
    return tmp_path
