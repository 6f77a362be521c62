"""The contract tests of each port: subclass one, give it your adapter by a fixture, and run pytest.

They need pytest, and the anyio plugin that comes with anyio.
"""
