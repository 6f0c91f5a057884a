"""The networks of ``keras.applications``, each a row of a table."""
