"""Made-up classes that show the autograder at work, and the scores that they deserve."""
