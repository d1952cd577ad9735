"""`python -m jobs VERB --config FILE …`"""

from jobs.cli import main

if __name__ == "__main__":
    main()
