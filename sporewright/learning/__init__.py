"""Beliefs with uncertainty that age, notice change and direct exploration (docs/explanation/learning.md)."""
