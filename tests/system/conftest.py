"""One Azurite for the process; each stage takes a storage account of its own."""

from tests.fixtures.azurite import azurite, storage

__all__ = ["azurite", "storage"]
