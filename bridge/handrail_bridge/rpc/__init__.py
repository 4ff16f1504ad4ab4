"""What gRPC carries, for both ends: messages and errors, to and from ours."""
