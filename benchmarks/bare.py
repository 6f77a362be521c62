"""The floor: an ASGI program that does only what an upload cannot do without, with no limits, checks or recovery.

It streams the file to disk, forwards it to the SegFormer service, decodes the answer, writes the three pictures and
commits one transaction to SQLite, with the journal and the sync level that aoi uses. With `--sync` each file is on the
disk before the answer, as aoi promises.
"""

import argparse
import asyncio
import os
import sqlite3
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import aiosqlite
import anyio
import httpx
import msgspec
import uvicorn
from multipart import PushMultipartParser, parse_options_header

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

SCHEMA = """
PRAGMA journal_mode=WAL;
CREATE TABLE images (id TEXT PRIMARY KEY, path TEXT, pictures TEXT, height INTEGER, width INTEGER, seconds REAL);
CREATE TABLE classes (id TEXT PRIMARY KEY, image TEXT REFERENCES images, name TEXT, regions INTEGER, area INTEGER);
CREATE TABLE regions (id TEXT PRIMARY KEY, class TEXT REFERENCES classes, x REAL, y REAL, left_ INTEGER, top INTEGER,
    width INTEGER, height INTEGER, area INTEGER, perimeter REAL, major REAL, minor REAL, circularity REAL, ratio REAL);
"""


class Point(msgspec.Struct):
    x: float
    y: float


class Box(msgspec.Struct):
    x: int
    y: int
    width: int
    height: int


class Region(msgspec.Struct):
    region_id: int
    centroid: Point
    bounding_box: Box
    area_pixels: int
    perimeter: float
    major_axis: float
    minor_axis: float
    circularity: float
    aspect_ratio: float


class DefectClass(msgspec.Struct):
    total_regions: int
    total_area_pixels: int
    regions: list[Region]


class Analysis(msgspec.Struct):
    image_shape: dict[str, int]
    classes: dict[str, DefectClass]


class Answer(msgspec.Struct):
    analysis_results: Analysis
    overlay_image: bytes
    combined_image: bytes
    mask_image: bytes
    processing_time: float


class Bare:
    def __init__(self, service: str, folder: Path, *, sync: bool) -> None:
        self._service = service
        self._folder = folder
        self._sync = sync
        self._client = httpx.AsyncClient(timeout=60, trust_env=False, limits=httpx.Limits(max_connections=32))
        self._database: aiosqlite.Connection | None = None
        self._writing = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "GET":
            await _answer(send, {"status": "ok"})
            return
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        identity = uuid.uuid4().hex
        path = self._folder / f"{identity}.jpg"
        size = await _store(receive, headers["content-type"], path, sync=self._sync)
        answer = await self._forward(identity, path, size)
        for name, picture in (("o", answer.overlay_image), ("c", answer.combined_image), ("m", answer.mask_image)):
            await anyio.to_thread.run_sync(self._write, self._folder / f"{identity}-{name}.png", picture)
        await self._record(identity, path, answer)
        await _answer(send, {"id": identity, "result": answer.analysis_results})

    def _write(self, path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content)
            if self._sync:
                file.flush()
                os.fsync(file.fileno())

    async def _forward(self, identity: str, path: Path, size: int) -> Answer:
        boundary = "bare"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{identity}.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()

        async def body() -> AsyncIterator[bytes]:
            yield head
            async with await anyio.open_file(path, "rb") as file:
                while chunk := await file.read(1 << 18):
                    yield chunk
            yield tail

        length = str(len(head) + size + len(tail))
        sent = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": length}
        response = await self._client.post(f"{self._service}/upload", content=body(), headers=sent)
        return await anyio.to_thread.run_sync(lambda: msgspec.json.decode(response.content, type=Answer))

    async def _record(self, identity: str, path: Path, answer: Answer) -> None:
        shape = answer.analysis_results.image_shape
        async with self._writing:
            database = await self._opened()
            await database.execute("BEGIN IMMEDIATE")
            image = (identity, str(path), identity, shape["height"], shape["width"], answer.processing_time)
            await database.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?)", image)
            for name, found in answer.analysis_results.classes.items():
                key = f"{identity}_{name}"
                row = (key, identity, name, found.total_regions, found.total_area_pixels)
                await database.execute("INSERT INTO classes VALUES (?, ?, ?, ?, ?)", row)
                rows = [_row(key, region) for region in found.regions]
                await database.executemany(f"INSERT INTO regions VALUES ({', '.join('?' * 14)})", rows)
            await database.commit()

    async def _opened(self) -> aiosqlite.Connection:
        if self._database is None:
            file = self._folder / "bare.db"
            if not file.exists():
                with sqlite3.connect(file) as connection:
                    connection.executescript(SCHEMA)
                connection.close()
            self._database = await aiosqlite.connect(file, isolation_level=None)
            await self._database.execute("PRAGMA synchronous=FULL")
        return self._database


def _row(key: str, region: Region) -> tuple[object, ...]:
    box = region.bounding_box
    measures = (region.perimeter, region.major_axis, region.minor_axis, region.circularity, region.aspect_ratio)
    place = (region.centroid.x, region.centroid.y, box.x, box.y, box.width, box.height)
    return (f"{key}_{region.region_id}", key, *place, region.area_pixels, *measures)


async def _store(receive: Receive, content_type: str, path: Path, *, sync: bool) -> int:
    _, options = parse_options_header(content_type)
    size = 0
    async with await anyio.open_file(path, "wb") as file:
        with PushMultipartParser(options["boundary"]) as parser:
            more = True
            while more:
                message = await receive()
                more = message.get("more_body", False)
                for event in parser.parse(message["body"]) if message["body"] else ():
                    if isinstance(event, bytearray):
                        size += len(event)
                        await file.write(event)
        if sync:
            await file.flush()
            await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
    return size


async def _answer(send: Send, content: object) -> None:
    body = msgspec.json.encode(content)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--sync", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    uvicorn.run(
        Bare(options.service, options.folder, sync=options.sync), port=options.port, log_level="warning", lifespan="off"
    )


if __name__ == "__main__":
    main()
