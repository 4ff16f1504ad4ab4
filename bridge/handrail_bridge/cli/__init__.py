"""The command line: ``handrail``."""
