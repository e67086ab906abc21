"""Running cells: their stages, the models they start from, and the executors."""
