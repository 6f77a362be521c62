"""What implements the ports of the domain."""
