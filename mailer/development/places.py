"""Where embedded servers may live and as whom they run. Nobody's folder changes its mode."""

import fcntl
import os
import pwd
import random
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SYSTEM_HOME = Path("/var/lib/focalpoint-mail")
"""Where root keeps the servers' data if their account cannot reach the folder asked for."""


class PlaceUnusable(Exception):
    """The servers cannot live there; the text is one line that says why and what would help."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group that a server runs as."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True, slots=True)
class Home:
    """A server's folder, and the account that it runs as (None: as ourselves)."""

    folder: Path
    account: Account | None

    @property
    def password(self) -> str:
        """The server's password: other users of this machine can reach its port."""
        return secret_in(self.folder / "password")

    def give(self, path: Path) -> None:
        """Make a file or folder of ours the server's own."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)


def server_account(name: str) -> Account | None:
    """Return the account for servers: the named one for root, None (ourselves) for others.

    PostgreSQL refuses to run as root. Raises PlaceUnusable if there is no such account.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise PlaceUnusable(f"there is no user {name} to run the servers as") from None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def can_enter(folder: Path, account: Account) -> bool:
    """Say whether the account can go through every folder from the root down to this one."""
    resolved = folder.resolve()
    return all(
        _has_right(existing, account, stat.S_IXOTH)
        for existing in (resolved, *resolved.parents)
        if existing.exists()
    )


def _has_right(path: Path, account: Account, right: int) -> bool:
    facts = path.stat()
    if facts.st_uid == account.uid:
        right <<= 6
    elif facts.st_gid == account.gid:
        right <<= 3
    return bool(facts.st_mode & right)


@contextmanager
def home_of(folder: Path, *, user: str, throwaway: bool) -> Iterator[Home]:
    """Yield the home for a server whose data was asked to lie in `folder`, and hold its lock.

    For root it is another folder if the servers' account cannot enter the one asked for: one
    under SYSTEM_HOME, to which a link leads from there, or a temporary one if `throwaway`, which
    also removes the home at the end. Raises PlaceUnusable if another process holds it.
    """
    account = server_account(user)
    home = Home(_reachable(folder.resolve(), account, throwaway), account)
    try:
        with locked(home.folder):
            yield home
    finally:
        if throwaway:
            shutil.rmtree(home.folder, ignore_errors=True)


def _reachable(folder: Path, account: Account | None, throwaway: bool) -> Path:
    if account is None:
        return _made(folder, 0o700)
    if can_enter(folder, account):
        return _made(folder, 0o711)
    if throwaway:
        return _temporary(account)
    elsewhere = _elsewhere(folder)
    if not can_enter(elsewhere, account):
        raise PlaceUnusable(f"{account.name} can enter neither {folder} nor {elsewhere}")
    return elsewhere


def _elsewhere(folder: Path) -> Path:
    """Return the folder that a link in this one leads to, made the first time.

    Its name is random: a folder that is made anew, perhaps with other keys beside it, must not
    find the data of the one that was removed.
    """
    link = _made(folder, 0o700) / "elsewhere"
    if not link.is_dir():
        link.unlink(missing_ok=True)
        link.symlink_to(_made(SYSTEM_HOME / secrets.token_hex(8), 0o711))
    return link.resolve()


def _made(folder: Path, mode: int) -> Path:
    """Make the folder and the missing ones above it, whatever the umask; keep existing ones."""
    if not folder.is_dir():
        _made(folder.parent, mode)
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    return folder


def _temporary(account: Account) -> Path:
    for base in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")):  # noqa: S108 - a folder of its own is made in it
        if base.is_dir() and can_enter(base, account):
            made = Path(tempfile.mkdtemp(prefix="fpmail-", dir=base))
            made.chmod(0o711)
            return made
    raise PlaceUnusable(f"{account.name} can enter no folder for temporary files")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone. Raises PlaceUnusable if another process holds it."""
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            raise PlaceUnusable(f"{folder} is in use by {holder}; stop that first") from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}\n")
        lock.flush()
        yield


def programs_for(home: Home, source: Path, *, name: str, wanted: tuple[str, ...]) -> Path:
    """Return a folder with the server's programs that its account can read.

    That is `source` itself, or a copy of the parts that match `wanted` in the home if a folder
    on the way is closed to the account.
    """
    account = home.account
    if account is None or _all_readable(source, wanted, account):
        return source
    copy = home.folder / f"programs-{name}"
    if not copy.exists():
        unfinished = copy.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        for pattern in wanted:
            for part in sorted(source.glob(pattern)):
                _copy(part, unfinished / part.relative_to(source))
        unfinished.rename(copy)
    return copy


def _all_readable(source: Path, wanted: tuple[str, ...], account: Account) -> bool:
    parts = [part for pattern in wanted for part in source.glob(pattern)]
    return all(can_enter(folder, account) for folder in {part.parent for part in parts}) and all(
        _has_right(part, account, stat.S_IROTH) for part in parts
    )


def _copy(part: Path, target: Path) -> None:
    if part.is_file():
        _made(target.parent, 0o755)
        shutil.copyfile(part, target)
        target.chmod(0o755 if part.stat().st_mode & stat.S_IXUSR else 0o644)


def secret_in(file: Path) -> str:
    """Return the secret that is kept in a file which only its owner can read; made once."""
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24))
    return file.read_text()


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on; whole or not at all."""
    unfinished = file.with_name(file.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
    unfinished.rename(file)


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now.

    It lies below the range from which outgoing connections get theirs, so that a server that is
    restarted finds its port free again.
    """
    for port in random.sample(range(20000, 32000), 200):
        if is_free(port):
            return port
    raise PlaceUnusable("no free port between 20000 and 32000 on 127.0.0.1")


def is_free(port: int) -> bool:
    """Say whether a server could listen on that port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
