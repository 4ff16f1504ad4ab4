"""What a tool call costs on every road, beside the same road without Handrail."""
