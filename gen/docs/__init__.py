"""The documentation: pages, the site that is built from them, and tables that code fills in."""
