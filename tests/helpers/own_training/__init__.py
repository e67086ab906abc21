"""The two files that the reader of `docs/your-own-training-script.md` has: a network and a training script."""
