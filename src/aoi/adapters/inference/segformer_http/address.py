"""Where the service is, and the credentials that its URL may carry."""

import re
from dataclasses import dataclass, field
from typing import Self

import httpx

HOST = re.compile(rb"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
"""A name or an address: the client library takes more."""
PREFIX = "segformer+"


@dataclass(frozen=True, slots=True)
class Address:
    """The service's base URL without its credentials, so that no message or log can tell them."""

    base: str
    auth: httpx.BasicAuth | None = field(default=None, repr=False)

    @classmethod
    def from_url(cls, text: str) -> Self:
        """`http://host:8080`, `https://user:password@host/base`, either with `segformer+` before it.

        Raises `ValueError`, which does not repeat the URL.
        """
        try:
            url = httpx.URL(text.removeprefix(PREFIX))
        except httpx.InvalidURL as error:
            raise ValueError("The URL of the SegFormer service is not a URL.") from error
        if url.scheme not in {"http", "https"} or not HOST.fullmatch(url.raw_host) or url.query or url.fragment:
            raise ValueError(
                "The URL of the SegFormer service must be http://host:port or https://host:port, with a path at most."
            )
        auth = httpx.BasicAuth(url.username, url.password) if url.userinfo else None
        return cls(str(url.copy_with(username=None, password=None, query=None, fragment=None)).rstrip("/"), auth)

    def path(self, name: str) -> str:
        """The URL of one of the service's operations."""
        return f"{self.base}/{name}"
