"""The tool set as an MCP server. The official SDK is imported in this package and nowhere else."""
