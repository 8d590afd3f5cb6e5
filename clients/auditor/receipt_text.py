"""A verified receipt as text for people, in English or Chinese, and as JSON for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from protocols.errors import ChainError
from protocols.ledger.checkpoint import Checkpoint
from protocols.ledger.receipt import Receipt

LANGUAGES = ("en", "zh")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS: dict[str, tuple[str, str]] = {
    "receipt": ("receipt  {id} of tenant {tenant}", "回执  租户 {tenant} 的 {id}"),
    "asked": ("asked    as {request}, by {method}", "请求  {request}，方法 {method}"),
    "given": ("given    {at}, by the server's clock", "给出  {at}（服务器时钟）"),
    "log": (
        "log      {origin}: record {position} of {size}",
        "日志  {origin}：共 {size} 条记录，此为第 {position} 条",
    ),
    "said": ("answer   {name} {value}", "答复  {name} {value}"),
    "same": (
        "request  the file is what was asked, to the digest",
        "请求文件与所答复的问题一致（摘要相同）",
    ),
    "whole": (
        "log      the exported one of {size} records begins with all that this receipt is under",
        "日志  导出的日志（{size} 条记录）以此回执所依据的全部记录开头",
    ),
    "words": (
        'answer   not shown in words; that needs {package}: pip install "fedscore[audit]"',
        '答复  未以文字显示；需要 {package}：pip install "fedscore[audit]"',
    ),
    "unknown": (
        "answer   holds more, which only a later version of fedscore can show",
        "答复  另有内容，需更新版本的 fedscore 才能显示",
    ),
    "verdict": (
        "TRUE: this very answer is in the log, and the log's key has signed so.",
        "属实：此答复逐字节存在于日志中，且由日志密钥签名。",
    ),
    "limits": (
        "A receipt shows that the answer was given and when, by the server's own clock; it cannot "
        "show that the answer was right, or that nobody was shown another log.",
        "回执表明答复确已给出及其时间（以服务器时钟为准）；但不能表明答复正确，"
        "也不能表明没有人看到另一份日志。",
    ),
}
_SHOWN = ("outcome", "limit_minor", "requested_amount_minor", "currency", "p_default", "points")
_UNKNOWN = "unknown_fields"
_IDS = ("decision_id", "score_id")
_TIMES = ("decided_at", "scored_at")

Facts = Sequence[tuple[str, str | int | float]]


@dataclass(frozen=True)
class Shown:
    """What is known of a verified receipt.

    Attributes:
        receipt: The receipt.
        checkpoint: Under which its answer stands.
        facts: What the answer says, by the name of each field.
        missing: The package without which that cannot be read; empty if it was.
        is_request_same: Whether the request was compared; it is then the one that was answered.
        log_size: Leaves of the exported log that the checkpoint was held against; 0 for none.
    """

    receipt: Receipt
    checkpoint: Checkpoint
    facts: Facts
    missing: str
    is_request_same: bool
    log_size: int


def check_facts(receipt: Receipt, facts: Facts) -> None:
    """Raise unless what an answer says of itself is what its record says.

    Raises:
        ChainError: It names another position, time or id.
    """
    at = answered_at(receipt).isoformat()
    recorded = {
        "journal_position": receipt.position,
        "request_id": receipt.request_id,
        **dict.fromkeys(_IDS, receipt.answer_id),
        **dict.fromkeys(_TIMES, at),
    }
    for name, value in facts:
        if name in recorded and recorded[name] != value:
            raise ChainError(f"receipt: the answer says another {name} than its record")


def answered_at(receipt: Receipt) -> datetime:
    """Return when the answer was given, in UTC, by the server's clock."""
    return _EPOCH + timedelta(microseconds=receipt.answered_at_micros)


def receipt_text(shown: Shown, *, language: str) -> str:
    """Return what a receipt shows, the verdict, and what no receipt can show."""
    column = LANGUAGES.index(language)
    return "\n".join(_WORDS[name][column].format(**parts) for name, parts in _lines(shown))


def receipt_json(shown: Shown) -> str:
    """Return the same as JSON: digests in hex, times in ISO 8601."""
    receipt = shown.receipt
    table = {
        "is_true": True,
        "log": shown.checkpoint.origin,
        "size": shown.checkpoint.size,
        "position": receipt.position,
        "answered_at": answered_at(receipt).isoformat(),
        "tenant": receipt.tenant,
        "method": receipt.method,
        "request_id": receipt.request_id,
        "answer_id": receipt.answer_id,
        "body_digest": receipt.body_digest.hex(),
        "record_digest": receipt.record_digest.hex(),
        "answer": dict(shown.facts),
        "log_size": shown.log_size or None,  # null: there was no exported log
        "is_request_same": shown.is_request_same or None,  # null: it was not compared
        "limits": _WORDS["limits"][0],
    }
    return json.dumps(table, indent=2, sort_keys=True)


def _lines(shown: Shown) -> Iterator[tuple[str, dict[str, object]]]:
    receipt, checkpoint = shown.receipt, shown.checkpoint
    yield "receipt", {"id": receipt.answer_id, "tenant": receipt.tenant}
    yield "asked", {"request": receipt.request_id, "method": receipt.method}
    yield "given", {"at": f"{answered_at(receipt):%Y-%m-%d %H:%M:%S.%f} UTC"}
    place = {"position": receipt.position, "size": checkpoint.size}
    yield "log", {"origin": checkpoint.origin, **place}
    for name, value in shown.facts:
        if name == _UNKNOWN:
            yield "unknown", {}
        elif _is_shown(name):
            yield "said", {"name": name, "value": value}
    if shown.missing:
        yield "words", {"package": shown.missing}
    elif not shown.facts:  # of a method that came later
        yield "unknown", {}
    if shown.is_request_same:
        yield "same", {}
    if shown.log_size:
        yield "whole", {"size": shown.log_size}
    yield "verdict", {}
    yield "limits", {}


def _is_shown(name: str) -> bool:
    if name.startswith(("components.", "offers.")):  # dozens of amounts; the JSON has them
        return False
    return name in _SHOWN or name.endswith(("_digest", "_at", ".code", "_minor"))
