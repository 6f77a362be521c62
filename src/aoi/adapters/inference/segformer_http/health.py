"""What the service's `/health` says of it."""

import msgspec

from aoi.adapters.inference.segformer_http.answer import NAME
from aoi.adapters.inference.segformer_http.failures import printable
from aoi.domain.defects import EngineInfo
from aoi.domain.errors import EngineUnavailable


class Health(msgspec.Struct):
    """The contract names `model_loaded` and `device`; the rest is taken where a service says it."""

    model_loaded: bool = True
    device: object = None
    model: object = None
    model_name: object = None
    version: object = None
    model_version: object = None
    digest: object = None
    model_digest: object = None


def read_health(answer: bytes) -> EngineInfo:
    """Raises `EngineUnavailable` where the service is not ready, or the answer is not a health at all."""
    try:
        health = msgspec.json.decode(answer, type=Health)
    except (ValueError, RecursionError) as error:
        raise EngineUnavailable(
            "What /health answers is not the SegFormer service's. Check that AOI_INFERENCE_URL names it."
        ) from error
    if not health.model_loaded:
        raise EngineUnavailable("The engine runs, but has not loaded its model yet. Wait, or look at its log.")
    return EngineInfo(
        NAME,
        model=_first_text(health.model_name, health.model),
        version=_first_text(health.model_version, health.version),
        digest=_first_text(health.model_digest, health.digest),
        device=_first_text(health.device),
    )


def _first_text(*values: object) -> str | None:
    texts = (printable(str(value)) for value in values if type(value) in {str, int, float})
    return next((text for text in texts if text), None)
