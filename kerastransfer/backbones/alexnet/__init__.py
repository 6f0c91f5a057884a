"""AlexNet, CaffeNet and the one-weird-trick AlexNet, with their published weights."""
