"""A folder of this machine that pictures and analyses are written to."""

from pathlib import Path

import anyio
import msgspec

from aoi.domain.defects import Findings
from aoi.domain.inspection import Inspection
from aoi.domain.ports import FileStore
from aoi.entrypoints.result_json import result_of


class PictureFolder:
    """Writes what belongs to an inspection under the name of its file; a name that is taken already gets its id too."""

    def __init__(self, folder: Path, files: FileStore) -> None:
        self._folder = folder
        self._files = files
        self._written: set[str] = set()

    async def write(self, inspection: Inspection, findings: Findings) -> dict[str, str]:
        """The paths of the pictures and of `json`, by their kinds. Raises `OSError`."""
        stem = self._stem(inspection)
        await anyio.Path(self._folder).mkdir(parents=True, exist_ok=True)
        paths: dict[str, str] = {}
        for kind, picture in findings.pictures.items():
            path = self._folder / f"{stem}_{kind}.png"
            async with await anyio.open_file(path, "wb") as file:
                async for chunk in self._files.read(picture.key):
                    await file.write(chunk)
            paths[kind.value] = str(path)
        path = self._folder / f"{stem}.json"
        await anyio.Path(path).write_bytes(
            msgspec.json.format(msgspec.json.encode(result_of(findings.analysis)), indent=1)
        )
        return {**paths, "json": str(path)}

    def _stem(self, inspection: Inspection) -> str:
        stem = Path(inspection.filename).stem
        if stem in self._written:
            stem = f"{stem}_{inspection.id}"
        self._written.add(stem)
        return stem
