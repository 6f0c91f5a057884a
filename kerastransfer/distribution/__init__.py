"""Which devices train, and how one step runs on all of them."""
