"""The stages of a response, each of which hands over to one that may follow it."""
