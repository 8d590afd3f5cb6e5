"""Messages that are signed and not logged."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.errors import EntryError
from protocols.ledger.codec import decode, encode
from protocols.ledger.entry import Mechanism, PlannedQuery
from protocols.ledger.messages import (
    Acknowledged,
    AskAuthorise,
    AskClose,
    AskCosign,
    Contribution,
    Refused,
)

_DIGEST = "0a" * 32
_PLANNED = PlannedQuery(Mechanism("gram", "10"), 1)
_MESSAGES: dict[str, Any] = {  # Any: one of six dataclasses
    "ask-authorise": AskAuthorise(_DIGEST, "run", (_PLANNED,), 1, -1, 7),
    "ask-close": AskClose(_DIGEST, "run"),
    "ask-cosign": AskCosign(_DIGEST, "run"),
    "contribution": Contribution("north", _DIGEST, _DIGEST, _DIGEST, _DIGEST),
    "acknowledged": Acknowledged("north", _DIGEST),
    "refused": Refused("north", _DIGEST, "budget"),
}


@pytest.mark.parametrize("name", _MESSAGES)
def test_a_message_comes_back_as_it_was_and_as_nothing_else(name: str) -> None:
    message = _MESSAGES[name]
    assert decode(type(message), encode(message)) == message
    for other in _MESSAGES.values():
        # Who asks to close and who asks to cosign says the same, under another payload type.
        if {type(other), type(message)} != {AskClose, AskCosign} and other != message:
            with pytest.raises(EntryError):
                decode(type(other), encode(message))


def test_every_message_has_a_payload_type_of_its_own() -> None:
    assert len({message.payload_type for message in _MESSAGES.values()}) == len(_MESSAGES)


@pytest.mark.parametrize(
    ("name", "bend"),
    [
        ("ask-authorise", {"charter": "x"}),
        ("ask-authorise", {"run": ""}),
        ("ask-authorise", {"spare_attempts": -1}),
        ("ask-authorise", {"last_seq": -2}),
        ("ask-authorise", {"queries": ()}),
        ("ask-close", {"charter": "x"}),
        ("ask-close", {"run": ""}),
        ("ask-cosign", {"charter": "x"}),
        ("ask-cosign", {"run": ""}),
        ("contribution", {"partner": ""}),
        ("contribution", {"order": "x"}),
        ("contribution", {"spend": "x"}),
        ("contribution", {"transcript": "x"}),
        ("contribution", {"vector_digest": "x"}),
        ("acknowledged", {"partner": ""}),
        ("acknowledged", {"order": "x"}),
        ("refused", {"partner": ""}),
        ("refused", {"order": "x"}),
        ("refused", {"reason": "a sentence"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_member_out_of_range_is_no_message(name: str, bend: dict[str, Any]) -> None:
    with pytest.raises(EntryError):
        replace(_MESSAGES[name], **bend)
