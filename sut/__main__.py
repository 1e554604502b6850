"""`python -m sut`, the same as `python -m sut.main` and as the console script `sut`."""

from sut.main import entry

if __name__ == "__main__":
    entry()
