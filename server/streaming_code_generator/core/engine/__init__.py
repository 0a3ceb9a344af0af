"""The engine: one request in, a stream of events out, with deadlines and retries in between."""
