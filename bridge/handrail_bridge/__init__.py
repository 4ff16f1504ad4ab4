"""Between agent and device: tools, permits, leases, the loop, perception, server, CLI."""
