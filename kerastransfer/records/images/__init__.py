"""Image files to upright 8-bit RGB, whatever their depth, bands and transparency."""
