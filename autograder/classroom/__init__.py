"""What becomes of grades: the report, feedback pages, exports; and the roster they are about."""
