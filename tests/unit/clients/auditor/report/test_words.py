"""Both catalogues say the same things, each in its own language."""

import re
import string

import pytest

from clients.auditor import report_command
from clients.auditor.report.words import LANGUAGES, load_words

CJK = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
SAME = {"meaning.mu", "meaning.epsilon", "accountants.pld", "accountants.rdp", "terms.delta"}


def fields(text: str) -> set[str]:
    """Return the names of the values in a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_command_offers_the_languages_there_are() -> None:
    assert report_command.LANGUAGES == LANGUAGES


def test_catalogues_have_exactly_the_same_keys_and_values() -> None:
    english, chinese = (load_words(language).texts for language in LANGUAGES)
    assert english.keys() == chinese.keys()
    differing = [key for key in english if fields(english[key]) != fields(chinese[key])]
    assert differing == []


def test_english_has_no_chinese_and_chinese_is_translated() -> None:
    english, chinese = (load_words(language).texts for language in LANGUAGES)
    assert [key for key, text in english.items() if CJK.search(text)] == []
    copied = {key for key, text in chinese.items() if not CJK.search(text)}
    assert copied <= SAME


def test_values_are_filled_in() -> None:
    words = load_words("en")
    assert "3 finding(s)" in words.say("verdict.false", count=3)
    with pytest.raises(KeyError):
        words.say("verdict.false")
