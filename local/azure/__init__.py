"""A stand-in for Azure Resource Manager, driven unmodified by the real SDKs; DIFFERENCES.md says where it guesses."""
