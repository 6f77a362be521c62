"""The web page: its files are shipped, nothing comes from outside."""
