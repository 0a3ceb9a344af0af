"""The client's documents: their text, their changes, and the edits sent to them."""
