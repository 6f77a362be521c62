"""What goes wrong in a store, in the domain's words. No path of the host is in any message."""

import errno
import os
import re
from collections.abc import Generator
from contextlib import contextmanager

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from aoi.domain.errors import AoiError, StorageFull, StorageUnavailable, StoredFileMissing

FULL = (errno.ENOSPC, errno.EDQUOT, *((39, 112) if os.name == "nt" else ()))
OS_ERROR = re.compile(r"\(os error (\d+)\)")
REFUSED = "The file store refuses access. Check the permissions of what AOI_STORAGE_URL names, then retry."


@contextmanager
def reading() -> Generator[None]:
    """Raises `StoredFileMissing` or `StorageUnavailable` for what the library raises."""
    try:
        yield
    except FileNotFoundError as error:
        raise StoredFileMissing from error
    except (BaseError, OSError) as error:
        raise failure(error) from error


@contextmanager
def writing() -> Generator[None]:
    """Raises `StorageFull` or `StorageUnavailable` for what the library or the file system raises."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise failure(error) from error


def failure(error: BaseError | OSError) -> AoiError:
    """The domain's error. The library tells a full disk only in its text."""
    code = getattr(error, "errno", None) or _code_in(str(error))
    if code in FULL:
        return StorageFull()
    if code in {errno.EACCES, errno.EPERM} or isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return StorageUnavailable(REFUSED)
    return StorageUnavailable()


def _code_in(text: str) -> int | None:
    found = OS_ERROR.search(text)
    return int(found.group(1)) if found else None
