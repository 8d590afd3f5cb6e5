"""An explanation in Chinese is Chinese throughout; codes and the contract's names stay."""

import re
from string import Formatter
from typing import get_args

import pytest

from clients.scorer.answer import explanation_lines
from clients.scorer.explained_words import FRAMES, Frame
from protocols.contracts.decisions import Outcome
from protocols.contracts.explanations import (
    Advice,
    BucketedValue,
    Cause,
    Drift,
    ExplainedCap,
    ExplainedReason,
    Explanation,
)
from tests.unit.protocols.answers import make_decision
from tests.unit.server.decisions.advised import READER, basis, explained, given
from tests.unit.server.serving.monotone import borrower

DECISION = make_decision()
VALUE = BucketedValue(
    field="income", label="收入", bucket="低于5", needed_bucket="5及以上", points_lost=12.75
)
REASON = ExplainedReason(
    code="R.INCOME", source="MODEL", sentence="收入较低。", is_changeable=True, values=(VALUE,)
)
ADVICE = Advice(kind="ASK_AMOUNT", sentence="请减少金额。", outcome="APPROVE", limit_minor=5)
EXPLANATION = Explanation(
    outcome="COUNTEROFFER",
    limit_minor=1_200_000,
    reasons=(REASON,),
    caps=(
        ExplainedCap(name="LAW", label="法定上限", limit_minor=1_200_000, is_binding=True),
        ExplainedCap(name="REQUESTED", label="申请金额", limit_minor=1_500_005, is_binding=False),
    ),
    advice=(ADVICE,),
    drifts=(),
)


def _left(text: str, *names: str) -> list[str]:
    """Return the words in Latin letters that are none of these names."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "")
    return re.findall("[A-Za-z]+", text)


def test_a_borrower_reads_it_all_in_chinese() -> None:
    assert explanation_lines(EXPLANATION, DECISION, "zh").splitlines() == [
        "部分批准（COUNTEROFFER）：额度12,000.00 USD",
        "  R.INCOME：收入较低。",
        "    收入：低于5；需要：5及以上；目前比平均水平低12.8分",
        "决定额度的上限（以最低的一项为准）：",
        "         12,000.00 USD  法定上限（以此为准）",
        "         15,000.05 USD  申请金额",
        "已计入其他仍然有效的额度报价：2,500.00 USD",
        "怎样可以改变结果：",
        "  请减少金额。",
        "决定编号：decision-1",
    ]


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_only_codes_and_the_currency_have_latin_letters(outcome: Outcome) -> None:
    drifts = tuple(Drift(cause=cause, then=b"", now=b"") for cause in get_args(Cause))
    told = EXPLANATION.model_copy(update={"outcome": outcome, "drifts": drifts})
    text = explanation_lines(told, DECISION, "zh")
    codes = (outcome, "R.INCOME", "USD", "decision-1", *get_args(Cause))
    assert all(code in text for code in codes)
    assert _left(text, *codes) == []
    assert _left(explanation_lines(told, DECISION, "en"), *codes) != []


def test_what_a_server_says_has_no_other_english_than_the_names_of_its_contract() -> None:
    request = borrower()
    text = explanation_lines(
        explained(request, language="zh"), given(request, basis()), language="zh"
    )
    fields = READER.release.scorecard.contract.fields
    names = [name for field in fields for name in (field.name, field.label)]
    codes = re.findall(r"(?m)^  ([A-Z0-9_.]+)：", text)
    assert codes
    assert _left(text, *names, *codes, "COUNTEROFFER", "USD", "decision-1") == []


def test_each_language_has_a_word_for_all_and_fills_in_the_same() -> None:
    english, chinese = FRAMES["en"], FRAMES["zh"]
    for frame in (english, chinese):
        assert set(frame.outcomes) == set(get_args(Outcome))
        assert set(frame.causes) == set(get_args(Cause))
    assert _filled(english) == _filled(chinese)


def _filled(frame: Frame) -> dict[str, set[str | None]]:
    texts = {name: text for name, text in frame._asdict().items() if isinstance(text, str)}
    return {
        name: {part for _, part, _, _ in Formatter().parse(text)} - {None}
        for name, text in texts.items()
    }
