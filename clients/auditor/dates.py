"""Dates as people read them; a signer can claim any number."""

from datetime import UTC, datetime

from protocols.ledger.entry import LATEST


def day(at: int) -> str:
    """Return a time as a date in UTC; a number that no calendar holds as itself."""
    if at > LATEST:
        return str(at)
    return datetime.fromtimestamp(at, UTC).date().isoformat()
