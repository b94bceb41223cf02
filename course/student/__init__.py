"""A student's folder: lectures and assignments to work on, progress, and handing in.

Nothing here needs TensorFlow, nbgrader or the autograder.
"""
