"""The SegFormer service, spoken to over HTTP."""

from aoi.adapters.inference.segformer_http.engine import SegFormerHttp

__all__ = ["SegFormerHttp"]
