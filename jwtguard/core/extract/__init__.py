"""What a request brings: its path, its credentials, and the way it came."""
