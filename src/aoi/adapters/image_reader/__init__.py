"""Tells what an image is by decoding it."""

from aoi.adapters.image_reader.decoding_image_reader import DecodingImageReader

__all__ = ["DecodingImageReader"]
