"""What the command prints of a server's answers."""

import json
from pathlib import Path

import grpc
import pytest

from clients.scorer.cli import main
from protocols.contracts.explanations import Replay
from protocols.translate_explanations import explanation_to_wire, replay_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from tests.unit.clients.scorer.scripted import Step, ends_with, scripted
from tests.unit.clients.scorer.test_explained_words import EXPLANATION
from tests.unit.protocols.answers import decision_to_wire, make_decision

REQUEST = {"requested_amount_minor": 700_000, "currency": "USD", "features": {"income": 41_234}}
DECIDED = decisions.DecideLimitResponse(decision=decision_to_wire(make_decision()))
REPLAY = Replay(
    verdict="MATCH",
    drifts=(),
    differing_fields=(),
    outcome="COUNTEROFFER",
    limit_minor=1_200_000,
    today=(),
)
TOLD = {
    "--explain=zh": explanation_to_wire(EXPLANATION).SerializeToString(),
    "--explain=en": explanation_to_wire(EXPLANATION).SerializeToString(),
    "--replay": replay_to_wire(REPLAY).SerializeToString(),
}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "applicant.json"
    path.write_text(json.dumps(REQUEST), encoding="utf-8")
    return str(path)


def _run(file: str, *words: str, told: bytes = b"") -> int:
    steps = Step([DECIDED.SerializeToString()]), Step([told])
    with scripted(*steps) as (endpoint, _):
        return main([file, *words, "--address", endpoint.address, "--insecure-loopback"])


def test_the_text_of_a_decision_ends_with_its_id(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(file) == 0
    assert capsys.readouterr().out.endswith("\ndecision decision-1\n")


@pytest.mark.parametrize("word", ["--explain=en", "--replay"])
@pytest.mark.parametrize(
    "other", [["--score-only"], ["--simulate-profile", "us"], ["--receipt", "receipt.json"]]
)
def test_what_is_told_of_a_decision_goes_with_no_other_answer(
    file: str, word: str, other: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(file, word, *other) == 2
    assert "excludes --score-only, --simulate-profile" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ("--explain=zh", "决定编号：decision-1"),
        ("--explain=en", "decision decision-1"),
        ("--replay", "decision decision-1"),
    ],
)
def test_whatever_is_told_of_a_decision_that_was_just_made_says_its_id(
    words: str, last: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(file, words, told=TOLD[words]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == last
    assert _run(file, words, "--json", told=TOLD[words]) == 0
    assert json.loads(capsys.readouterr().out)["decision_id"] == "decision-1"


def test_where_nothing_can_be_told_of_it_the_decision_that_was_made_is_named(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = ends_with(grpc.StatusCode.INTERNAL)
    with scripted(Step([DECIDED.SerializeToString()]), failing) as (endpoint, _):
        words = [file, "--explain=en", "--address", endpoint.address, "--insecure-loopback"]
        assert main(words) == 1
    assert capsys.readouterr().err.splitlines() == [
        "fedscore-score: this is about decision decision-1",
        "fedscore-score: said",
    ]


def test_the_words_around_an_explanation_are_of_the_language_asked_for(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(file, "--explain=zh", told=TOLD["--explain=zh"]) == 0
    assert "怎样可以改变结果：" in capsys.readouterr().out
    assert _run(file, "--explain=en", told=TOLD["--explain=en"]) == 0
    assert "what would change it:" in capsys.readouterr().out
