"""What calls teach: beliefs with uncertainty that age, notice change, know what to try (docs/learning.md)."""
