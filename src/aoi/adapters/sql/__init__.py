"""Where inspections are recorded."""
