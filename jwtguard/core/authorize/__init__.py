"""What a verified caller may do: clients, origins, scopes and token requests."""
