"""The schema's history, one file for each step; nothing else changes the schema."""
