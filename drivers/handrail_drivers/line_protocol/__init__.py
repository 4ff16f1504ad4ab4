"""Devices that speak in lines, described by a TOML file alone."""
