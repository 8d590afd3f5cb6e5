"""Keeps the decision log up with the journal, by a thread beside the answers, never before them.

Every server of a journal may have one; the folder's lock lets one of them write, and when its
process dies another takes over. What cannot be read or written now is tried again. A journal that
is not the one that was logged ends the thread for good, and says so as loudly as a log can.
"""

import logging
import threading

from protocols.errors import ConfigError, VerificationError
from protocols.lock import only_process
from server.journal.errors import JournalError
from server.journal.journal import Journal
from server.ledger.readonly import LogUnavailableError
from server.receipts.folder import LOCK, ReceiptFolder
from server.receipts.follower import Follower
from server.receipts.store import DecisionStore

LOOK_S = 0.1  # between two looks for what is new; a receipt is there so much later

_LOG = logging.getLogger(__name__)
_TAKE_OVER_S = 1.0  # between two tries to be the one that writes
_JOIN_S = 10.0
_PASSING = (ConfigError, JournalError, LogUnavailableError)


class Keeper:
    """Follows a journal until it is closed."""

    def __init__(self, folder: ReceiptFolder, journal: Journal) -> None:
        """Begin; the journal is for this thread alone, and stays the caller's to close.

        Raises:
            ConfigError: There is no log in the folder, or its key cannot be used.
        """
        self._folder, self._journal = folder, journal
        self._key, self._origin = folder.key(), folder.log().origin
        self._closing = threading.Event()
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str | None:
        """Why the log does not go on; None as long as it does."""
        return self._failure

    def close(self) -> None:
        """Log what is in the journal now, and stop."""
        self._closing.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while self._failure is None:
            try:
                with only_process(self._folder.path, LOCK):
                    self._follow()
            except ConfigError:  # another process writes
                pass
            if self._closing.wait(_TAKE_OVER_S):
                return

    def _follow(self) -> None:
        """Log what comes, until something fails or the server stops."""
        store: DecisionStore | None = None
        try:
            store = self._folder.store(may_write=True)
            follower = Follower(self._journal, store, key=self._key, origin=self._origin)
            _LOG.info("decision log goes on", extra={"size": follower.size})
            while True:
                is_last = self._closing.is_set()
                while follower.step():
                    pass
                if is_last:
                    return
                self._closing.wait(LOOK_S)
        except VerificationError as err:
            self._failure = str(err)
            facts = {"kind": type(err).__name__, "rule": str(err)}
            _LOG.critical("decision log stopped: no more receipts", extra=facts)
        except _PASSING as err:
            _LOG.warning("decision log waits", extra={"rule": str(err)})
        finally:
            if store is not None:
                store.close()
