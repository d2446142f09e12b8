"""Tests of the documentation: links, tables, examples, the site."""
