"""Who may look: one token, sessions in memory, and waiting times after wrong tokens."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from protocols.errors import ConfigError
from protocols.ledger.keyfile import read_private, write_private

SESSION_S = 12 * 3600
_LEAST_TOKEN = 32  # characters; a made one has 43
_FREE_TRIES = 5
_LONGEST_WAIT_S = 60
_MOST_PEERS = 1024
_MOST_SESSIONS = 256


def load_token(path: Path) -> str:
    """Return the token in ``path``; makes one, readable by its owner only, if there is no file.

    Raises:
        ConfigError: The file cannot be made or read, others can read it, or it is too short.
    """
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32).encode("ascii") + b"\n")
    try:
        token = read_private(path).decode("ascii").strip()
    except UnicodeDecodeError as err:
        raise ConfigError(f"{path.name}: expected a token of ASCII characters") from err
    if len(token) < _LEAST_TOKEN:
        raise ConfigError(f"{path.name}: expected a token of at least {_LEAST_TOKEN} characters")
    return token


@dataclass(frozen=True)
class Login:
    """The answer to a token.

    Attributes:
        session: Secret name of the new session; empty if there is none.
        wait_s: Seconds until the next token is looked at; 0 if at once.
    """

    session: str = ""
    wait_s: int = 0


class Sessions:
    """Sessions of those who have shown the token; gone when the process ends."""

    def __init__(self, token: str, *, clock: Callable[[], float]) -> None:
        """Let in who shows ``token``; ``clock`` is monotonic, in seconds."""
        self._token = _hash(token)
        self._clock = clock
        self._ends: OrderedDict[bytes, float] = OrderedDict()
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def log_in(self, token: str, *, peer: str) -> Login:
        """Return a session if ``token`` is right.

        After five wrong tokens from ``peer`` the next is looked at after a second, then two, four,
        up to a minute; until then not even the right one is.
        """
        count, until = self._wrong.get(peer, (0, 0.0))
        left = until - self._clock()
        if left > 0:
            return Login(wait_s=int(left) + 1)
        # Hashes have one length, so the time tells nothing, not even the token's length.
        if hmac.compare_digest(_hash(token), self._token):
            self._wrong.pop(peer, None)
            return Login(session=self._start())
        wait_s = self._wait_s(count + 1)
        self._wrong[peer] = (count + 1, self._clock() + wait_s)
        self._wrong.move_to_end(peer)
        if len(self._wrong) > _MOST_PEERS:
            self._wrong.popitem(last=False)
        return Login(wait_s=wait_s)

    def is_open(self, session: str) -> bool:
        """Whether ``session`` is one that has not ended."""
        return self._ends.get(_hash(session), 0.0) > self._clock()

    def log_out(self, session: str) -> None:
        """End ``session``; nothing happens if there is no such session."""
        self._ends.pop(_hash(session), None)

    def _start(self) -> str:
        session = secrets.token_urlsafe(32)
        self._ends[_hash(session)] = self._clock() + SESSION_S
        if len(self._ends) > _MOST_SESSIONS:
            self._ends.popitem(last=False)
        return session

    @staticmethod
    def _wait_s(count: int) -> int:
        over = min(count - _FREE_TRIES, 10)
        return 0 if over < 0 else int(min(2**over, _LONGEST_WAIT_S))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
