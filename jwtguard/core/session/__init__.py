"""Sessions of sites with a login form: tokens that only the server can read."""
