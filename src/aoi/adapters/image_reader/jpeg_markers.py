"""The end mark of a JPEG: its decoder makes up what is missing where a file was cut and filled up with zeros."""

START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
FIRST_SEGMENT = 2


def is_whole(content: bytes) -> bool:
    """Whether an end mark follows the pixels; no byte of theirs looks like one (ITU-T T.81, B.1.1.5)."""
    return content.find(END_OF_IMAGE, _start_of_pixels(content)) >= 0


def _start_of_pixels(content: bytes) -> int:
    """Where the first scan begins: every segment before it says its length, and may hold a smaller JPEG."""
    at = FIRST_SEGMENT
    while at + 4 <= len(content) and content[at : at + 2] != START_OF_SCAN:
        at += 1 if content[at + 1] == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return at
