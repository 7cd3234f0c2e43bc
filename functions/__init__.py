"""Adapters between Azure Functions and the product: one file per trigger, no decisions here."""
