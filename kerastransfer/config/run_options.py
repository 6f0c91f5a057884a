"""What a user may say of how a run is carried out; none of it decides its result."""

CACHES = ("auto", "on", "off")
CACHE_LIMIT = 20 * 2**30  # bytes of one cache
CHECKPOINT_EVERY = 60.0  # seconds
