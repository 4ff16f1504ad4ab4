"""The kinds of reflex that come with Handrail, one module a subject."""
