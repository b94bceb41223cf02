"""Mark answers by hand: `autograder mark`, a page for one person on this machine."""
