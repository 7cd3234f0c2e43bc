"""The HTTP API, apart from the host that serves it: operations, the shapes of bodies, who may what, errors.

``operations/`` is all that indexing the app imports; the rest is imported by the first call.
"""
