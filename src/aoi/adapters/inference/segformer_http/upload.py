"""An image as the one part of a multipart body, framed by hand so that it streams and its length is known."""

import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field

from aoi.domain.errors import StorageUnavailable
from aoi.domain.image import ImageFormat, StoredImage
from aoi.domain.streams import bytes_chunks


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send: `content()` streams its `size_bytes` bytes anew for each try."""

    filename: str
    media_type: str
    size_bytes: int
    content: Callable[[], AsyncIterator[bytes]]
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def of_stored(cls, image: StoredImage) -> "Upload":
        """The stored bytes as they are."""
        return cls._named(image.id, image.facts.pixels.format, image.facts.size_bytes, image.content)

    @classmethod
    def of_png(cls, identity: str, png: bytes) -> "Upload":
        """A PNG made for this upload."""
        return cls._named(identity, ImageFormat.PNG, len(png), lambda: bytes_chunks(png))

    @classmethod
    def _named(
        cls, identity: str, image_format: ImageFormat, size_bytes: int, content: Callable[[], AsyncIterator[bytes]]
    ) -> "Upload":
        # An adopted record's id is not ours: it must not be able to end the header that it stands in.
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", identity)
        return cls(f"{stem}.{image_format.extension}", image_format.media_type, size_bytes, content)

    @property
    def headers(self) -> dict[str, str]:
        length = len(self._head) + self.size_bytes + len(self._tail)
        return {"Content-Type": f"multipart/form-data; boundary={self.boundary}", "Content-Length": str(length)}

    @property
    def _head(self) -> bytes:
        return (
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="image"; filename="{self.filename}"\r\n'
            f"Content-Type: {self.media_type}\r\n\r\n"
        ).encode("ascii")

    @property
    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode("ascii")

    async def framed(self, content: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """The body around `content`; raises `StorageUnavailable` where that has another length than it should."""
        yield self._head
        left = self.size_bytes
        async for chunk in content:
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
        if left != 0:
            raise StorageUnavailable(
                f"The stored file of {self.filename} does not have the {self.size_bytes:,} bytes that were recorded."
                " Check the file store; send the image again."
            )
        yield self._tail
