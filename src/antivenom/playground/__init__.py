"""The playground: a local page on which a decision boundary walks as points are placed."""
