"""The messages for a model: what of which file it is shown, within a budget of tokens."""
