"""Which keys a file may have."""

import re

PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


def is_key(text: str) -> bool:
    """Whether a file can have this key."""
    return all(PART.fullmatch(part) for part in text.split("/"))


def checked_key(key: str) -> str:
    """The key as it is, where it is safe in every file system and object store; else raises `ValueError`.

    Its parts, divided by `/`, have 1 to 200 ASCII letters, digits, `.`, `_` and `-`, and do not begin with `.`.
    """
    if not is_key(key):
        raise ValueError(f"{key!r} is no key: use parts of 1 to 200 letters, digits, '.', '_' and '-', divided by '/'")
    return key


def checked_folder(prefix: str) -> str | None:
    """The folder that a listing is about, without its last `/`; `None` for all. Raises `ValueError`."""
    if not prefix:
        return None
    if not prefix.endswith("/"):
        raise ValueError(f"{prefix!r} is no folder: end it in '/'")
    return checked_key(prefix[:-1])
