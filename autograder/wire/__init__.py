"""What the grading engine and the checks share, so that neither imports the other.

Messages (``channel.py``), values as plain data (``codec.py``, with arrays, tables, the standard
library's types and Keras models), and what a call is watched for (``watching.py``).
"""
