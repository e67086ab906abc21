"""Strangers: clean and backdoored networks that antivenom did not train, in several architectures and recipes.

    python -m benchmarks.strangers make --into DIR [--workers 2] [--only RECIPE] [--round N]
    python -m benchmarks.strangers list --into DIR

The networks are made in plain PyTorch: architectures, triggers, poisoning and training do not use antivenom. antivenom
only reads the data sets, from `$ANTIVENOM_DATA`. `benchmarks.strangers.loading.load` returns the finished networks.
"""
