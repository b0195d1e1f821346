"""`python -m dml.entrypoints.cli`: the same as `dml`."""

from dml.entrypoints.cli.main import main

if __name__ == "__main__":
    main()
