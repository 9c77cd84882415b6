"""Python's interpreters and the page's, given the same at random: what differs is a mistake of one of them."""
