"""What drives aoi: the HTTP API, the web page, the command line."""
