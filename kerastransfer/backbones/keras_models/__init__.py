"""Any Keras model as a network of eight blocks: cut, drawn, counted, filled."""
