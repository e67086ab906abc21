"""antivenom under the names and calls that users of other libraries know."""
