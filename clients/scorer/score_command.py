"""What ``fedscore-score`` asks, and prints: an answer, why it is so, or how it comes out again."""

import argparse
import sys

from clients.scorer.answer import (
    answer_json,
    answer_lines,
    explanation_lines,
    inquiry_json,
    replay_lines,
)
from clients.scorer.client import ScorerClient
from clients.scorer.command_line import endpoint_of
from clients.scorer.receipt import write_receipt
from clients.scorer.request import read_limit_request, read_score_request
from protocols.contracts.decisions import LimitDecision, LimitRequest
from protocols.contracts.scores import ScoreAnswer
from protocols.errors import ConfigError, ScoringError


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
        try:
            _inquire(client, answer, request, options)
        except ScoringError:
            sys.stderr.write(f"fedscore-score: this is about decision {answer.decision_id}\n")
            raise


def _inquire(
    client: ScorerClient, answer: LimitDecision, request: LimitRequest, options: argparse.Namespace
) -> None:
    name = answer.decision_id
    if options.replay:
        replay = client.replay_decision(name, request)
        _print(inquiry_json(replay, name) if options.json else replay_lines(replay, name))
    else:
        told = client.explain_decision(name, request, options.explain)
        lines = explanation_lines(told, answer, options.explain)
        _print(inquiry_json(told, name) if options.json else lines)


def _check(options: argparse.Namespace) -> None:
    if options.file is None and options.decision is None:
        raise ConfigError("a file or --decision is needed")
    asked = "--replay" if options.replay else "--explain" if options.explain else ""
    if asked and (options.score_only or options.simulate_profile or options.receipt):
        raise ConfigError(f"{asked} excludes --score-only, --simulate-profile and --receipt")
    if options.decision is None:
        return
    if options.score_only or options.simulate_profile:
        raise ConfigError("--decision excludes --score-only and --simulate-profile")
    if asked and options.file is None:
        raise ConfigError(f"{asked} with --decision needs FILE, the request as it was asked")
    if options.file is not None and not asked:
        raise ConfigError("--decision takes FILE only with --explain or --replay; leave FILE out")


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
