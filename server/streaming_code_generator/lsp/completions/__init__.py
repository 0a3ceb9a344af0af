"""Suggestions at the cursor: the streams that bring them, and what becomes of them."""
