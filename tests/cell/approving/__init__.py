"""Whole roads on one running desk whose jaw a person approves."""
