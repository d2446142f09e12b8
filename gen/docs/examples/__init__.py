"""Examples, each a script: `python -m gemmule.gen.docs.examples.NAME [DIR]`. A test runs them."""
