"""What anybody may hand in, and what must never come out."""
