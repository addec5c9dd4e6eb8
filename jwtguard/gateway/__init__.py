"""What the adapters of the two gateway interfaces, PEP 3333 and ASGI 3, are made of."""
