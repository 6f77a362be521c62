"""Pixels from encoded images: what the image reader and the engines share, so that both see the same."""
