"""The architectures, in plain PyTorch. Each function takes a width and returns a module that returns logits."""
