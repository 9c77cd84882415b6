"""Laws that every operator and policy is held to, found by looking."""
