"""How each provider is asked and answers, as data, and the readers that interpret it."""
