"""`python -m mailer` is `fpmail`."""

from mailer.cli import main

if __name__ == "__main__":
    main()
