"""`python -m evalkit.cli`, the same as the command `evalkit`."""

from evalkit.cli.group import main

if __name__ == "__main__":
    main()
