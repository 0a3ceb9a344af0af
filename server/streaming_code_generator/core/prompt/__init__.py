"""From a place in a document to a request for a model."""
