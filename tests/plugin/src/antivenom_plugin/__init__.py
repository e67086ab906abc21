"""One component of each kind, written without a change to antivenom."""
