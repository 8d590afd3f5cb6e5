"""Both languages have every word, and every sentence the same braces."""

import re
from typing import get_args

from protocols.contracts.regulation import NoticeItem
from server.decisions.notice import notice_words
from server.decisions.wording import wordings
from tests.unit.server.decisions.cases import asked, decided

BRACES = re.compile(r"\{(\w+)\}")


def _braces(sentences: dict[str, str]) -> dict[str, set[str]]:
    return {name: set(BRACES.findall(text)) for name, text in sentences.items()}


def test_both_languages_fill_in_the_same() -> None:
    english, chinese = wordings()["en"], wordings()["zh"]
    assert _braces({**english.advice}) == _braces({**chinese.advice})
    assert _braces(english.words._asdict()) == _braces(chinese.words._asdict())
    assert english.caps.keys() == chinese.caps.keys()
    words = notice_words()
    assert _braces({**words["en"].items}) == _braces({**words["zh"].items})
    assert _braces({**words["en"].parts}) == _braces({**words["zh"].parts})
    assert {*words["en"].items, "ACTION_TAKEN"} == set(get_args(NoticeItem))


def test_every_cap_of_a_decision_has_a_name() -> None:
    for language in wordings().values():
        for cap in decided(asked()).caps:
            assert language.cap(cap.name)


def test_no_chinese_sentence_is_english() -> None:
    chinese, words = wordings()["zh"], notice_words()["zh"]
    for text in (*chinese.advice.values(), *words.items.values(), *words.actions.values()):
        assert re.search(r"[一-鿿]", text)
        assert not re.search(r"[A-Za-z]{3,}", BRACES.sub("", text))
