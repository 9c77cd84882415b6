"""The demo: five upstreams that behave like measured providers, the orchestrator, and the page that shows both."""
