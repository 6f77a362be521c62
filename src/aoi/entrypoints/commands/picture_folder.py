"""A folder of this machine that pictures and analyses are written to."""

from pathlib import Path

import anyio
import msgspec

from aoi.domain.defects import Findings
from aoi.domain.errors import AoiError
from aoi.domain.inspection import Inspection
from aoi.domain.ports import FileStore
from aoi.entrypoints.result_json import result_of


class FolderUnwritable(AoiError):
    """The folder cannot be written to."""

    code = "folder-unwritable"


class PictureFolder:
    """Writes what belongs to an inspection under the name of its file; a name that is taken already gets its id too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: set[str] = set()

    @classmethod
    async def made(cls, folder: Path) -> "PictureFolder":
        """The folder, made where there is none. Raises `FolderUnwritable`."""
        try:
            await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderUnwritable(f"The folder {folder} cannot be made: {error.strerror}. Name another.") from error
        return cls(folder)

    async def write(self, inspection: Inspection, findings: Findings, files: FileStore) -> dict[str, str]:
        """The paths of the pictures and of `json`, by their kinds.

        Raises `FolderUnwritable`, or what `files` raises where a picture cannot be read.
        """
        try:
            return await self._write(self._folder / self._stem(inspection), findings, files)
        except OSError as error:
            raise FolderUnwritable(
                f"The image was inspected, but its pictures cannot be written to {self._folder}: {error.strerror}."
            ) from error

    async def _write(self, stem: Path, findings: Findings, files: FileStore) -> dict[str, str]:
        paths: dict[str, str] = {}
        for kind, picture in findings.pictures.items():
            path = stem.with_name(f"{stem.name}_{kind}.png")
            async with await anyio.open_file(path, "wb") as file:
                async for chunk in files.read(picture.key):
                    await file.write(chunk)
            paths[kind.value] = str(path)
        path = stem.with_name(f"{stem.name}.json")
        encoded = msgspec.json.format(msgspec.json.encode(result_of(findings.analysis)), indent=1)
        await anyio.Path(path).write_bytes(encoded)
        return {**paths, "json": str(path)}

    def _stem(self, inspection: Inspection) -> str:
        """Upper and lower case are one to some file systems."""
        stem = Path(inspection.filename).stem
        if stem.casefold() in self._written:
            stem = f"{stem}_{inspection.id}"
        self._written.add(stem.casefold())
        return stem
