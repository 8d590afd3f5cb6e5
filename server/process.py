"""The ServerApp's process: started with its token, ended by its id, never without us."""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_END_S = 5.0  # what it gets to say goodbye before it is killed

_logger = logging.getLogger(__name__)


class ServerAppProcess:
    """flwr's own ServerApp runner as a child; ends by itself if this process is killed."""

    def __init__(
        self, token: str, *, home: Path, runtime_address: str, environment: Mapping[str, str]
    ) -> None:
        """Start it.

        Args:
            token: What the SuperLink knows the run's ServerApp by.
            home: Absolute directory for Flower's files, the token and ``serverapp.log``.
            runtime_address: ``host:port`` of the loopback listener.
            environment: Added to ours.
        """
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._token_file = home / "serverapp.token"  # no argument: other users can list those
        _write_secret(self._token_file, token)
        programs = Path(sys.executable).parent
        command = [f"{programs}/flwr-serverapp", "--insecure", "--runtime-api-address"]
        command += [runtime_address, "--token-file", str(self._token_file)]
        command += ["--parent-pid", str(os.getpid())]
        with (home / "serverapp.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=home,
                env={
                    **os.environ,
                    "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
                    "FLWR_HOME": str(home),
                    "FLWR_TELEMETRY_ENABLED": "0",
                    "FLWR_DISABLE_UPDATE_CHECK": "1",
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to pass on, in order
            )

    def is_alive(self) -> bool:
        """Return whether it still runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ask it to end, then kill it; returns once it is gone."""
        try:
            self._process.terminate()
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            _logger.warning("ServerApp killed", extra={"pid": self._process.pid})
        finally:  # also when a second Ctrl-C interrupts the wait
            self._process.kill()
            self._process.wait()
            self._token_file.unlink(missing_ok=True)


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
