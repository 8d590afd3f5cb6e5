"""The releases that are served now: replaced as a whole, beside the calls, without failing one."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from model.artifacts import Release
from protocols.errors import ReleaseError, ScoringError
from server.following import Followed, Following
from server.serving.routing import LATEST, Routing, is_in_share, read_routing

_LOG = logging.getLogger(__name__)
_FOLLOWED = Followed("releases", "releases not taken", "releases are as named again")
_MOST_FOUND = 8
_NONE_AT_HAND: Mapping[str, Release] = MappingProxyType({})


Find = Callable[[bytes], Release | None]


class Shelf(Protocol):
    """Where releases come from; ``server.registry.Registry`` is one."""

    def latest(self) -> str:
        """Return the digest of the release that was published last, hex."""

    def open(self, name: str) -> Release:
        """Return a release once the log is shown to hold it; ``ReleaseError`` else."""


@dataclass(frozen=True)
class Served:
    """One set of releases; never changes, so whoever holds it sees one state throughout.

    Attributes:
        routing: By which they were chosen, the champion by digest.
        shadow: Scores beside the others; never answers.
    """

    routing: Routing
    champion: Release
    challenger: Release | None
    shadow: Release | None

    def chosen(self, subject: str) -> Release:
        """Return the release that answers a subject; no subject, "", is always the champion's."""
        challenger = self.challenger
        if challenger is None or not subject:
            return self.champion
        percent = self.routing.challenger_percent
        is_challenged = is_in_share(subject, challenger.digest, percent=percent)
        return challenger if is_challenged else self.champion

    def get(self, digest: bytes) -> Release:
        """Return the release of a digest, if it is one of those that answer.

        Raises:
            ReleaseError: It is not.
        """
        for release in self.all():
            if release.digest == digest:
                return release
        raise ReleaseError(f"release {digest.hex()}: not served now")

    def all(self) -> tuple[Release, ...]:
        """Return those that answer, the champion first."""
        if self.challenger is None or self.challenger.digest == self.champion.digest:
            return (self.champion,)
        return (self.champion, self.challenger)


def among(served: Served, digest: bytes) -> Release | None:
    """Return the release of a digest if it answers now."""
    return next((release for release in served.all() if release.digest == digest), None)


def fixed(release: Release) -> Served:
    """Return one release that answers everybody."""
    return Served(Routing(champion=release.digest.hex()), release, None, None)


class Releases:
    """What is served, kept up with the routing file and the registry by a thread of its own."""

    def __init__(self, shelf: Shelf, routing_path: Path, *, look_every_s: float = 1.0) -> None:
        """Load all that is named, then look for changes until closed.

        Args:
            shelf: Opens releases, proven ones only.
            routing_path: The routing file; the latest release is the champion without one.
            look_every_s: Time between two looks.

        Raises:
            ConfigError: The routing file breaks a rule.
            ReleaseError: A named release does not load, or they do not fit one another.
        """
        self._shelf, self._routing_path = shelf, routing_path
        self._served = load_served(shelf, resolve(read_routing(routing_path), shelf))
        self._currency = _currency(self._served)
        self._found: dict[bytes, Release] = {}
        self._following = Following(self._take, _FOLLOWED, _LOG, look_every_s=look_every_s)

    @property
    def now(self) -> Served:
        """What is served at this moment; take it once for calls that belong together."""
        return self._served

    @property
    def shadow(self) -> Release | None:
        """The release that scores beside the others."""
        return self._served.shadow

    @property
    def problem(self) -> str | None:
        """Why what is named is not served, or None; what was served before still is."""
        return self._following.problem

    def chosen(self, subject: str) -> Release:
        """Return the release that answers a subject now; see ``Served.chosen``."""
        return self._served.chosen(subject)

    def get(self, digest: bytes) -> Release:
        """Return a release that answers now, by digest; ``ReleaseError`` else."""
        return self._served.get(digest)

    def all(self) -> tuple[Release, ...]:
        """Return the releases that answer now, the champion first."""
        return self._served.all()

    def find(self, digest: bytes) -> Release | None:
        """Return a release that answers now or is on the shelf; None if it is not, or not proven.

        One from the shelf is read from disk; the last few are kept.
        """
        release = among(self._served, digest) or self._found.get(digest)
        if release is not None:
            return release
        try:
            release = self._shelf.open(digest.hex())
        except ScoringError:
            return None
        if len(self._found) >= _MOST_FOUND:
            del self._found[next(iter(self._found))]  # the first that came
        self._found[digest] = release
        return release

    def close(self) -> None:
        """Stop looking; what was served last stays."""
        self._following.close()

    def look(self) -> None:
        """Serve what is named by now; if that fails, keep all as it was and name the problem."""
        self._following.look()

    def _take(self) -> None:
        # Both files are read, not only their times: small, and no change can be missed.
        routing = resolve(read_routing(self._routing_path), self._shelf)
        if routing == self._served.routing:
            return
        served = load_served(self._shelf, routing, at_hand=_by_name(self._served))
        if _currency(served) != self._currency:
            raise ReleaseError(f"release {routing.champion}: expected currency {self._currency}")
        self._served = served  # one assignment: a reader sees all of the old or all of the new
        _LOG.info("releases taken", extra=routing.model_dump(exclude_none=True))


def resolve(routing: Routing, shelf: Shelf) -> Routing:
    """Return a routing with the champion by digest.

    Raises:
        ReleaseError: It is the latest, and there is none.
    """
    if routing.champion != LATEST:
        return routing
    return routing.model_copy(update={"champion": shelf.latest()})


def load_served(
    shelf: Shelf, routing: Routing, *, at_hand: Mapping[str, Release] = _NONE_AT_HAND
) -> Served:
    """Open every release that a resolved routing names.

    Args:
        shelf: Opens releases, proven ones only.
        routing: Names them.
        at_hand: Releases by name that need not be opened again.

    Raises:
        ReleaseError: One does not open, or challenger or shadow have another feature contract
            than the champion: a request that suits one of them would be refused by the other.
    """

    def opened(name: str) -> Release:
        return at_hand.get(name) or shelf.open(name)

    champion = opened(routing.champion)
    others = {"challenger": routing.challenger, "shadow": routing.shadow}
    loaded = {role: opened(name) for role, name in others.items() if name is not None}
    for role, release in loaded.items():
        if release.manifest.contract_digest != champion.manifest.contract_digest:
            raise ReleaseError(f"the {role} has another feature contract than the champion")
    return Served(routing, champion, loaded.get("challenger"), loaded.get("shadow"))


def _by_name(served: Served) -> dict[str, Release]:
    loaded = (served.champion, served.challenger, served.shadow)
    return {release.digest.hex(): release for release in loaded if release is not None}


def _currency(served: Served) -> str:
    return served.champion.scorecard.contract.currency
