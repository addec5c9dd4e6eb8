"""What a verified caller may do: clients, origins, scopes, token requests."""
