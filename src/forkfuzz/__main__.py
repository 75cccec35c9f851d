"""``python -m forkfuzz``."""

from forkfuzz.cli import main

if __name__ == "__main__":
    main()
