"""The product: it imports neither the Functions library nor the stand-in for Azure."""
