"""The network and the clock: what the drivers use to carry out the core's effects."""
