"""The playground: a local web page that shows how a decision boundary moves when you place poison points."""
