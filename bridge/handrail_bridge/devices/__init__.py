"""The bridge's end of hardware: what loops move, what is polled, what has tools of its own."""
