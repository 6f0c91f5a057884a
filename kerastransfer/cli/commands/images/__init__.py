"""Commands about images: which there are, converting them, looking at them."""
