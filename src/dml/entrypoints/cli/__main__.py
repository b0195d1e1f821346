"""`python -m dml.entrypoints.cli`: what `dml` is, for who starts it by the interpreter."""

from dml.entrypoints.cli.main import main

if __name__ == "__main__":
    main()
