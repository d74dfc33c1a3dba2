"""Becomes another program: changes the account, asks to be told when the parent dies, execs.

Run as a file, never imported: `shim.py PARENT UID GID SIGNAL FOLDER PROGRAM ARGUMENT...`; a UID
of -1 keeps the account. The order matters: Linux forgets the wish when the account changes, and
the account may be unable to reach this file or the interpreter afterwards.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def become(numbers: list[int], folder: str, argv: list[str]) -> None:
    """Replace this process; ends with status 0 if the parent has died in the meantime."""
    parent, uid, gid, signal = numbers
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(0)
    os.umask(0o077)
    os.chdir(folder)
    os.execv(argv[0], argv)  # noqa: S606 - there is nothing for a shell to read


if __name__ == "__main__":
    become([int(word) for word in sys.argv[1:5]], sys.argv[5], sys.argv[6:])
