"""From a place in a document to a request: what is asked for, and where the answer goes."""
