"""The doors: the gRPC services, served on loopback and on the operator's socket."""
