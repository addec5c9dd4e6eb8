"""What ``jwtguard explain`` and ``jwtguard check`` use; no request loads it."""
