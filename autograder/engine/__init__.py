"""The grading engine: students' code in processes of its own, verdicts in a trusted one.

A *student* process (``student.py``) runs a submission's cells in a sandbox. A *judge* process
(``judge.py``) runs the graded cells, with stand-ins for whatever belongs to the student; a call to
one of them crosses to the student process as plain data (``codec.py``) and its answer comes back
the same way. No test, and no code but the student's own, ever reaches the student process.
"""
