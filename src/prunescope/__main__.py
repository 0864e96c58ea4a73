"""What does `python -m prunescope` do?"""

import sys
from pathlib import Path

if __name__ == "__main__" and sys.path[:1] == [str(Path.cwd())]:
    del sys.path[0]  # Python's own: else a folder "timm" here would pass for the library

from prunescope.cli import main

if __name__ == "__main__":
    main()
