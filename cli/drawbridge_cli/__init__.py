"""The command ``drawbridge``: a client of the HTTP API and nothing else; it needs no Azure SDK."""

__version__ = "0.1.0"
