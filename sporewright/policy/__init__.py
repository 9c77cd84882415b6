"""Pure functions and small state over a tensor: gates, budgets, trust, schedules, fields."""
