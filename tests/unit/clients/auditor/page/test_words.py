"""Words in two languages, and which of them a reader gets."""

import re
import string

import pytest

from clients.auditor.page import words
from clients.auditor.page.words import choose_language, speaker


def test_both_languages_have_every_word_with_the_same_parts() -> None:
    for english, chinese in words._WORDS.values():
        parts = [sorted(n for _, n, _, _ in string.Formatter().parse(text) if n is not None)
                 for text in (english, chinese)]  # fmt: skip
        assert parts[0] == parts[1]
        assert english
        assert chinese


def test_every_chinese_word_is_chinese() -> None:
    exempt = {"other_language", "of_cap", "rdp"}
    texts = {name: pair[1] for name, pair in words._WORDS.items() if name not in exempt}
    assert [name for name, text in texts.items() if not re.search(r"[一-鿿]", text)] == []


def test_parts_are_put_in() -> None:
    assert speaker("en")("left", left="0.5") == "0.5 left"
    assert speaker("zh")("left", left="0.5") == "剩余 0.5"


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        ("", "", "en"),
        ("zh", "en", "zh"),
        ("en", "zh-CN", "en"),
        ("xx", "zh-Hans-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "en;q=0.5, zh;q=0.9", "zh"),
        ("", "de, fr;q=0.7", "en"),
        ("", "zh;q=0", "en"),
        ("", "*;q=;;,\x00", "en"),
        ("<script>", "x" * 10_000, "en"),
    ],
)
def test_a_reader_gets_what_was_asked_for_or_accepted_best(
    asked: str, accepted: str, chosen: str
) -> None:
    assert choose_language(asked, accepted) == chosen
