"""`python -m gemmule.gen` is `gemmule`."""

import sys

from .cli.app import main

sys.exit(main())
