"""Any OpenAI-compatible endpoint: the request, the stream that comes back, and its failures."""
