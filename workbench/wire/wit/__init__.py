"""WIT: the type model, values, the parser and resolver, JSON, YAML and WAVE forms, bundled packages.

Text and Python objects in, frozen types and canonical values out. Whatever comes in, only
`WitSyntaxError`, `WitResolveError` and `ValueMismatch` come out.
"""
