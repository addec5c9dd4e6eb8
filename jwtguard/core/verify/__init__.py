"""From a token to what it says: keys, signatures, claims, and the token cache."""
