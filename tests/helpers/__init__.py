"""What several tests share: small data, small runs, and the means to break things."""
