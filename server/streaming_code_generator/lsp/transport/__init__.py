"""The ways to a client: reading its messages, writing to it, and serving it over a stream."""
