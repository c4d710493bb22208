"""What is true: policy articles with source and dates, hotlines, rules as data, and the search over them."""

from knowledge_base.rules import Outcome, RuleInputError
from knowledge_base.schema import Article, Fault, Hotline, KnowledgeError, Source
from knowledge_base.search import Hit
from knowledge_base.store import Knowledge, load

__all__ = [
    "Article",
    "Fault",
    "Hit",
    "Hotline",
    "Knowledge",
    "KnowledgeError",
    "Outcome",
    "RuleInputError",
    "Source",
    "load",
]
