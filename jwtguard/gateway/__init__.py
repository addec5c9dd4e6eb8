"""Parts of the adapters for the gateway interfaces WSGI (PEP 3333) and ASGI 3."""
