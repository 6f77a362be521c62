"""What aoi does, in the standard library and anyio: no framework, no database, no HTTP, no pixels."""
