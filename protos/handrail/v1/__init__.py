"""Generated code of package handrail.v1, beside its .proto files."""
