"""What does `python -m prunescope` do?"""

from prunescope.cli import main

if __name__ == "__main__":
    main()
