"""Everything together, as the settings compose it: a server, a database, a store, an engine."""

import base64
import hashlib
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from aoi.bootstrap import open_application
from aoi.domain.version import aoi_version
from aoi.settings import Settings, read_settings
from sample_images import jpeg, noise, png
from segformer_stub import Reply, SegformerStub
from servers import Home, serving


def settings_at(home: Home, inference_url: str) -> Settings:
    return read_settings(
        {
            "AOI_HOME": str(home.folder),
            "AOI_PORT": "0",
            "AOI_INFERENCE_URL": inference_url,
            "AOI_INFERENCE_ATTEMPTS": "1",
            "AOI_SHUTDOWN_SECONDS": "5",
        }
    )


def test_an_upload_goes_through_the_service_into_rows_and_pictures(tmp_path: Path) -> None:
    home, content = Home(tmp_path), jpeg(noise(320, 240))
    with SegformerStub() as stub:
        settings = settings_at(home, f"segformer+{stub.url}")
        with serving(open_application(settings), settings) as server:
            assert server.client.get("/health/ready").json()["ready"] is True
            answered = server.client.post(
                "/upload", data={"lot_id": "LOT 7"}, files={"image": ("基板.jpg", content)}
            ).json()
            pictures = {kind: server.client.get(url) for kind, url in answered["images"].items()}
            analysis = server.client.get(answered["json_url"]).json()
            image = server.client.get(f"/images/{answered['img_unique_id']}").json()

    identity, day = answered["img_unique_id"], answered["img_unique_id"][:8]
    assert answered["total_defects"] == 7
    assert answered["defect_classes"] == {"PI_Particle": 5, "PR_Peeling": 1, "Copper_Nodule": 1}
    assert answered["metadata"]["engine"]["name"] == "segformer-http"
    assert answered["metadata"]["engine"]["model"] == "stub"
    assert analysis == answered["result"] == image["result"]
    assert stub.uploads[0].sha256 == hashlib.sha256(content).hexdigest()
    assert stub.uploads[0].filename == f"{identity}.jpg"
    assert home.counts() == {"images": 1, "classes": 4, "regions": 7, "inspections": 1}
    [row] = home.rows("images")
    assert row["input_image_path"] == f"uploads/{day}/{identity}/original.jpg"
    files = home.files()
    assert files[row["input_image_path"]] == pictures["input"].content == content
    for number, kind in enumerate(("combined", "mask", "overlay"), start=1):
        assert files[row[f"result_image_{number}_path"]] == pictures[kind].content
    assert len(files) == 4
    assert home.rows("inspections")[0]["lot_id"] == "LOT 7"


def test_what_the_service_failed_at_is_retried_after_a_restart(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with SegformerStub() as stub:
        settings = settings_at(home, f"segformer+{stub.url}")
        stub.next_answers.append(Reply.failure(500, "out of memory"))
        with serving(open_application(settings), settings) as server:
            failed = server.upload(png())
        assert failed.status_code == 502
        identity = failed.json()["img_unique_id"]
        assert home.counts() == {"images": 0, "classes": 0, "regions": 0, "inspections": 1}
        with serving(open_application(settings), settings) as server:
            assert server.client.get(f"/images/{identity}").json()["error"]["type"] == "/problems/engine-failed"
            retried = server.client.post(f"/images/{identity}/retry")
    assert (retried.status_code, retried.json()["img_unique_id"]) == (200, identity)
    assert retried.json()["metadata"]["attempts"] == 2
    assert home.counts() == {"images": 1, "classes": 4, "regions": 7, "inspections": 1}
    assert {row["result_image_2_path"] for row in home.rows("images")} == {
        f"results/{identity[:8]}/{identity}/2/mask.png"
    }


def lattice_with_blob() -> bytes:
    """Dark lines on grey, and one dark disc between them, at (150, 150)."""
    image = Image.new("L", (300, 300), 160)
    draw = ImageDraw.Draw(image)
    for position in range(20, 300, 40):
        draw.line([(position, 0), (position, 299)], 60, 4)
    draw.ellipse([155, 145, 165, 155], 40)
    return png(image)


def test_the_embedded_engine_finds_a_blob_and_draws_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    settings = settings_at(home, "embedded:?sensitivity=normal")
    with serving(open_application(settings), settings) as server:
        answered = server.upload(lattice_with_blob(), images="base64").json()
    assert answered["metadata"]["engine"]["name"] == "embedded"
    assert answered["metadata"]["engine"]["aoi_version"] == aoi_version()
    regions = answered["result"]["classes"]["Anomaly"]["regions"]
    boxes = [region["bounding_box"] for region in regions]
    assert any(
        box["x"] <= 160 < box["x"] + box["width"] and box["y"] <= 150 < box["y"] + box["height"] for box in boxes
    )
    mask = Image.open(BytesIO(base64.b64decode(answered["images"]["mask"]))).convert("L")
    assert mask.size == (300, 300)
    assert mask.getpixel((160, 150)) != 0
    assert mask.getpixel((5, 5)) == 0
    assert len(home.rows("regions")) == answered["total_defects"] == len(regions)
