"""What code goes through on its way from a response to its place in a document."""
