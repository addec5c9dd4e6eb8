"""What can be seen of the application behind the guard, whatever its framework."""
