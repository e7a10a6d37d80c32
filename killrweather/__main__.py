"""``python -m killrweather`` is the command ``killrweather``."""

from killrweather.cli import main

if __name__ == "__main__":
    main()
