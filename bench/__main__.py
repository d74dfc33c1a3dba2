"""`python -m bench`: what `fpmail bench` does."""

import sys

from mailer.cli import main

if __name__ == "__main__":
    main(["bench", *sys.argv[1:]])
