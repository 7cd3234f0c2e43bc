"""Microsoft.Network: virtual networks, private endpoints and their zone groups."""
