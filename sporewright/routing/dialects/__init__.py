"""The dialects of the providers' requests and answers, as data, and the readers that interpret it."""
