"""Engines that find defects, and the region analysis and rendering that they share."""
