"""Features: what a network says of images, extracted once."""
