"""A private OpenLDAP server: slapd in a folder of its own, on a socket, gone when its parent is gone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import ldap3

from scimbridge.child import dying_with_parent
from scimbridge.demo.accesslog import write_in
from scimbridge.demo.entries import (
    ADMIN_DN,
    BASE_DN,
    GROUPS_DN,
    PEOPLE_DN,
    POLICY_DN,
    READER_DN,
    SERVICE_DN,
    DemoDirectory,
    DirectoryError,
    Write,
)

__all__ = ["DemoDirectory", "DirectoryError", "OpenLdap", "ServerTls", "Write", "find_slapd", "start_directory"]

PLACES: Final = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/openldap", "/usr/libexec", "/usr/local/libexec")
SCHEMAS: Final = ("/etc/ldap/schema", "/etc/openldap/schema", "/usr/local/etc/openldap/schema")
MODULES: Final = ("/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap", "/usr/local/libexec/openldap")
MAX_SOCKET_PATH: Final = 100  # sockaddr_un holds 107 bytes on Linux, 103 elsewhere
START_TIMEOUT: Final = 10.0  # seconds; it takes a tenth of one

# The two rules for PEOPLE_DN are all that connectors.ldap needs; its README shows the same.
_ACCESS = f"""
access to attrs=userPassword by anonymous auth by * none
access to dn.children="{PEOPLE_DN}" attrs=entry,pwdAccountLockedTime by dn.exact="{SERVICE_DN}" write by users read
access to dn.base="{PEOPLE_DN}" attrs=children by dn.exact="{SERVICE_DN}" write by users read
access to dn.subtree="{GROUPS_DN}" by dn.exact="{SERVICE_DN}" write by users read
access to * by users read by anonymous auth
"""

_OVERLAYS = f"""
overlay memberof
memberof-refint TRUE
overlay refint
refint_attributes member manager
overlay accesslog
logdb cn=accesslog
logops writes
logold (objectClass=*)
overlay ppolicy
ppolicy_default "{POLICY_DN}"
ppolicy_use_lockout
"""


@dataclass(frozen=True, slots=True)
class ServerTls:
    """Certificate files for a directory that also listens on the loopback.

    Attributes:
        ca_file: What clients shall trust.
        certificate_file: For 127.0.0.1 and localhost.
        key_file: Its private key.
    """

    ca_file: Path
    certificate_file: Path
    key_file: Path


class OpenLdap(DemoDirectory):
    """slapd with ppolicy, memberof, refint, and a log of its own of every write.

    Start it from a thread that lives on: the kernel ends the server with the thread
    that started it, so that none is left behind even by ``kill -9``.

    Args:
        folder: Where its data live; created if missing, and started anew if it holds data.
        tls: With it, the server also listens on ``ldaps_url`` and ``ldap_url``, the latter for StartTLS.
        sync: Write through to the disk, as production directories do. For honest timings.
    """

    def __init__(self, folder: Path, *, tls: ServerTls | None = None, sync: bool = False) -> None:
        super().__init__()
        self.folder = folder
        self.tls = tls
        self._sync = sync
        self._is_built = False
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_folder: Path | None = None
        self._ports = _free_ports(2) if tls else []

    @property
    def url(self) -> str:
        """The ``ldapi://`` address of its socket."""
        return f"ldapi://{quote(str(self._socket), safe='')}"

    @property
    def ldaps_url(self) -> str:
        """The encrypted address; only with ``tls``."""
        return f"ldaps://127.0.0.1:{self._ports[0]}"

    @property
    def ldap_url(self) -> str:
        """The address that refuses passwords until StartTLS was used; only with ``tls``."""
        return f"ldap://127.0.0.1:{self._ports[1]}"

    @property
    def process_id(self) -> int | None:
        """The process, while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server.

        Raises:
            DirectoryError: slapd is not installed, or did not start; the message says what to do.
        """
        slapd = find_slapd()
        self._prepare()
        listeners = [self.url, *([self.ldaps_url, self.ldap_url] if self.tls else [])]
        with (self.folder / "slapd.log").open("ab") as log:
            # -d keeps it in the foreground.
            self._process = subprocess.Popen(  # noqa: S603  # our own arguments
                [slapd, "-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", " ".join(listeners)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # only calls prctl, looked up before the fork
            )
        self._wait_until_it_listens()
        if not self._is_built:
            self._build()
            self._is_built = True

    def stop(self) -> None:
        """Stop the server and wait for its end; its data stay in the folder."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None
        if self._socket_folder is not None:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
            self._socket_folder = None

    def writes(self) -> list[Write]:
        """Return all writing requests, from the server's own access log."""
        with self.administrator() as connection:
            answer = connection.search("cn=accesslog", "(objectClass=auditWriteObject)", ldap3.LEVEL, attributes=["*"])
        records = sorted((found["raw_attributes"] for found in answer[2]), key=lambda raw: raw["reqStart"][0])
        writes = (write_in(record) for record in records)
        return [write for write in writes if write.by.lower() != ADMIN_DN]

    @property
    def _socket(self) -> Path:
        place = self.folder.absolute()
        if len(os.fsencode(place / "ldapi")) > MAX_SOCKET_PATH:
            self._socket_folder = self._socket_folder or Path(tempfile.mkdtemp(prefix="slapd-"))
            place = self._socket_folder
        return place / "ldapi"

    def _prepare(self) -> None:
        for name in ("data", "log"):
            if not self._is_built:
                shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "slapd.conf").write_text(self._settings(), encoding="utf-8")
        (self.folder / "slapd.conf").chmod(0o600)
        self._socket.unlink(missing_ok=True)

    def _settings(self) -> str:
        schemas, modules = _first(SCHEMAS), _first(MODULES)
        lines = [f'include "{schemas}/{name}.schema"' for name in ("core", "cosine", "inetorgperson")]
        lines += [f'modulepath "{modules}"'] if modules else []
        loaded = ("back_mdb", "memberof", "refint", "ppolicy", "accesslog")
        lines += [f"moduleload {name}" for name in loaded if modules]
        if self.tls:
            lines += [
                f'TLSCertificateFile "{self.tls.certificate_file.absolute()}"',
                f'TLSCertificateKeyFile "{self.tls.key_file.absolute()}"',
                "localSSF 128",
                "security simple_bind=56",
            ]
        lines += [*self._database("cn=accesslog", "log"), "index reqStart eq"]
        lines += [*self._database(BASE_DN, "data"), f"rootpw {self.admin_password}"]
        lines += ["index objectClass,entryUUID,uid,mail,member eq", f'limits dn.exact="{READER_DN}" size=3']
        return "\n".join(lines) + _ACCESS + _OVERLAYS

    def _database(self, suffix: str, folder: str) -> list[str]:
        lines = [
            "database mdb",
            f'suffix "{suffix}"',
            f'rootdn "{ADMIN_DN}"',
            f'directory "{self.folder.absolute() / folder}"',
            f"maxsize {1 << 30}",
        ]
        return lines if self._sync else [*lines, "dbnosync"]

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not _listens(self._socket):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise DirectoryError(f"slapd did not start; {self.folder / 'slapd.log'} says why")
            time.sleep(0.005)


def find_slapd() -> str:
    """Return the path of the server's program.

    Raises:
        DirectoryError: It is not installed.
    """
    path = os.pathsep.join((os.environ.get("PATH", ""), *PLACES))
    found = shutil.which("slapd", path=path)
    if found is None or _first(SCHEMAS) is None:
        raise DirectoryError("OpenLDAP's server is not installed; on Debian and Ubuntu: apt-get install slapd")
    return found


def start_directory(folder: Path) -> DemoDirectory:
    """Start a directory for the demo: slapd where it can be started, else the small one in this process."""
    from scimbridge.demo.mini_ldap import MiniLdap  # only where it is needed

    directory: DemoDirectory = OpenLdap(folder)
    try:
        directory.start()
    except (DirectoryError, OSError):
        directory = MiniLdap(folder)
        directory.start()
    return directory


def _first(folders: tuple[str, ...]) -> str | None:
    return next((folder for folder in folders if Path(folder).is_dir()), None)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
