"""The token endpoint in front of an issuer."""
