"""GET /events: what changes, as it happens, to every page that is open."""
