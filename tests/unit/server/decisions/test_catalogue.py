"""The catalogue holds a sentence for every reason that the program gives, in both languages."""

import re
from pathlib import Path

from server.decisions import pipeline
from server.decisions.catalogue import catalogue

ROOM = Path(pipeline.__file__).parent
CODES = re.compile(r'"((?:DATA|EXPOSURE|FILE|INCOME|LAW|LINE|PRODUCT|REVIEW)\.[A-Z_]+)"', re.ASCII)


def test_every_code_that_the_program_writes_is_in_the_catalogue() -> None:
    written = {
        code
        for path in ROOM.glob("*.py")
        for code in CODES.findall(path.read_text(encoding="utf-8"))
    }
    written |= {"DATA.STALE", "DATA.NOT_PERMITTED"}  # made of why a group was withheld
    assert len(written) > 15
    assert written <= catalogue().keys()


def test_every_reason_is_told_in_english_and_in_chinese() -> None:
    for code, reason in catalogue().items():
        assert re.fullmatch(r"[A-Z][ -~]+\.", reason.en), code
        assert re.search("[\u4e00-\u9fff]", reason.zh), code
        assert reason.zh.endswith("。"), code


def test_no_two_reasons_say_the_same() -> None:
    said = [reason.en for reason in catalogue().values()]
    assert len(set(said)) == len(said)


def test_none_says_no_more_than_that_the_score_was_low_or_the_policy_is_so() -> None:
    # 12 CFR 1002 supplement I, 9(b)(2): neither is a reason.
    for reason in catalogue().values():
        assert not re.search(r"score|internal|standard|polic", reason.en, re.IGNORECASE)


def test_none_is_of_the_model_whose_reasons_the_contract_has() -> None:
    assert {reason.source for reason in catalogue().values()} == {
        *("POLICY", "REGULATORY", "DATA_QUALITY"),
    }
