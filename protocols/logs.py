"""One log line, one JSON object: constant event text and facts, for every long-running command."""

import json
import logging
import sys
from datetime import UTC, datetime

_CHATTY = ("alembic",)  # libraries that say at every start what is no news
_QUOTING = ("grpc._cython",)  # and one that quotes what callers sent beside their messages
_BUILT_IN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Prints a record as one line: when, how bad, where, what, and the facts of ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        facts = {key: value for key, value in vars(record).items() if key not in _BUILT_IN}
        line = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **facts,
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send all logs to standard error as JSON lines; standard output is for answers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in _QUOTING:
        logging.getLogger(name).setLevel(logging.CRITICAL)
