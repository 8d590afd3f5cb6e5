"""What ``fedscore-score`` asks, and prints: an answer, why it is so, or how it comes out again."""

import argparse
import sys

from clients.scorer.answer import (
    answer_json,
    answer_lines,
    explanation_lines,
    plain_json,
    replay_lines,
)
from clients.scorer.client import ScorerClient
from clients.scorer.command_line import endpoint_of
from clients.scorer.receipt import write_receipt
from clients.scorer.request import read_limit_request, read_score_request
from protocols.contracts.decisions import LimitDecision, LimitRequest
from protocols.contracts.scores import ScoreAnswer
from protocols.errors import ConfigError


def run(options: argparse.Namespace) -> None:
    """Ask and print; an answer's receipt is written once the answer is printed.

    Raises:
        ConfigError: The options do not fit one another, or a file cannot be used.
        ScoringError: What the server refuses.
    """
    _check(options)
    with ScorerClient(endpoint_of(options), timeout_s=options.timeout_s) as client:
        if options.score_only:
            _give(client, client.score(read_score_request(options.file)), options)
            return
        request = None if options.file is None else read_limit_request(options.file)
        answer = _decision(client, request, options)
        if request is None or not (options.explain or options.replay):
            _give(client, answer, options)
            return
        request = request.model_copy(update={"request_id": answer.request_id})  # files need none
        if options.replay:
            replay = client.replay_decision(answer.decision_id, request)
            _print(plain_json(replay.model_dump()) if options.json else replay_lines(replay))
        else:
            told = client.explain_decision(answer.decision_id, request, options.explain)
            lines = explanation_lines(told, answer.currency)
            _print(answer_json(told) if options.json else lines)


def _check(options: argparse.Namespace) -> None:
    if options.file is None and options.decision is None:
        raise ConfigError("a file or --decision is needed")
    if options.decision is None:
        return
    if options.score_only or options.simulate_profile:
        raise ConfigError("--decision excludes --score-only and --simulate-profile")
    if bool(options.file) != bool(options.explain or options.replay):
        raise ConfigError("beside --decision a file is for --explain and --replay, which need it")


def _decision(
    client: ScorerClient, request: LimitRequest | None, options: argparse.Namespace
) -> LimitDecision:
    if options.decision is not None or request is None:
        return client.get_decision(options.decision)
    if options.simulate_profile:
        return client.simulate_limit(request, profile=options.simulate_profile)
    return client.decide_limit(request)


def _give(
    client: ScorerClient, answer: ScoreAnswer | LimitDecision, options: argparse.Namespace
) -> None:
    _print(answer_json(answer) if options.json else answer_lines(answer))
    if options.receipt is not None:
        write_receipt(options.receipt, client, answer)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
