"""What a request carries: its path, its credentials and its transport."""
