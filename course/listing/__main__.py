"""``python -m course.listing``: count every network again and write `numbers.json`."""

from __future__ import annotations

from course.listing import counting, numbers

if __name__ == "__main__":
    counting.write(numbers.FILE, lambda line: print(line, flush=True))
