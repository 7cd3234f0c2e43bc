"""What callers of the API are told and may ask for: reads and dry runs, and requests stored as desired state.

One module per resource; ``desk.py`` is what they have in common. The operation is the resource: a caller PUTs what
should be and GETs the same URL until it is ready or blocked.
"""
