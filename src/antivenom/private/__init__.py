"""Private interfaces of other libraries. Only this package uses them, for speed or because there is no public way.

Another version of a library may change them. So each use has a check and a public fallback, or stands behind one
function that says what is required.
"""
