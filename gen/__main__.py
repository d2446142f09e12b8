"""`python -m gemmule.gen` is `gemmule`."""

import sys

from .cli import main

sys.exit(main())
