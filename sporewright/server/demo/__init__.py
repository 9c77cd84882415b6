"""The demo: five upstreams that behave like measured providers, the orchestrator, and the page that shows both."""

from sporewright.server.demo.run import run_demo

__all__ = ["run_demo"]
