"""Whatever comes in: a clear refusal or an answer, never another exception."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base import expressions, numbers, terms, validate, yamlsafe
from knowledge_base.expressions import BadExpression, Unknown
from tests.knowledge_base.kit import TODAY

yaml_like = st.text(alphabet="ab1-:[]{},&*!|>'\"#%@`? \n\t年。", max_size=60)
rule_like = st.text(alphabet="ab1.+-*/<>=()[] ,'\"andorifelsnt年", max_size=40)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
article_like = st.dictionaries(
    st.sampled_from(sorted(validate._ARTICLE_FIELDS)) | st.text(max_size=6), anything, max_size=20
)


@settings(max_examples=400, deadline=None)
@given(yaml_like)
def test_any_text_is_yaml_or_a_named_fault(text):
    with contextlib.suppress(yamlsafe.YamlFault):
        yamlsafe.parse(text)


@settings(max_examples=400, deadline=None)
@given(rule_like)
def test_any_text_is_an_expression_or_a_named_fault(text):
    with contextlib.suppress(BadExpression, Unknown):
        expressions.parse(text).value({"a": TODAY, "b": None})


@settings(max_examples=300, deadline=None)
@given(article_like)
def test_any_mapping_is_an_article_or_named_faults(data):
    made, faults = validate.article(data, "x.yml", ["ningbo"])
    assert (made is None) == bool(faults)
    assert all(str(fault).startswith("x.yml, article ") for fault in faults)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_message_can_be_searched(knowledge, text):
    knowledge.search(text, "haishu", TODAY)
    list(terms.query_terms(text, {}))
    numbers.of(text)
