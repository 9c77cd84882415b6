"""The device: engine, bridge to a page, routed calls in Python, and the device end of the sync."""
