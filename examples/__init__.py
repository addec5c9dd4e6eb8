"""Two applications protected by jwtguard, each small enough to copy."""
