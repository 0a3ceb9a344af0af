"""The language server: pygls on one side, generations and document writers on the other."""
