"""Whole roads on one running desk."""
