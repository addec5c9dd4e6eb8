"""How answers leave: refusals, challenges and CORS fields."""
