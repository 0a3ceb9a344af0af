"""A language model inside the package's own child process: no key, no network.

`embedded_provider` streams from it, `process` starts, watches and ends it, `child` is what runs in
it, `catalogue` knows the models and where they lie, `install` fetches them.
"""
