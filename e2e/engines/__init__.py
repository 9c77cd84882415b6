"""One suite in three browser engines: Chromium, Firefox and WebKit."""
