"""Writes the parts of the documentation that the code knows best, between their markers.

Run ``make docs`` after a change of settings, commands, states or metrics; a test compares. A part
begins with ``<!-- generated: NAME -->`` and ends with ``<!-- end -->``.
"""
