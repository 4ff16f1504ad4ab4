"""What speaks to hardware: the plugin API, transports, and one module a device family."""
