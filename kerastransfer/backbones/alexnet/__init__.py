"""AlexNet in three readings: the networks, their facts and their published weights."""
