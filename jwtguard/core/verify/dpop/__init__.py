"""RFC 9449: proofs that whoever sends a token holds the key it is bound to."""
