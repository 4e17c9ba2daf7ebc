# pyright: reportMissingImports=false
# (the bindings exist only while componentize-py builds this)
"""A guest that does what tests ask for, with HTTP: a script arrives with each call."""

import http_prelude
import wit_world
from componentize_py_types import Err
from wit_world import exports


def run(code, **names):
    scope = {**vars(http_prelude), **names}
    try:
        exec(compile(code, "<guest>", "exec"), scope)
    except Err as error:  # would be taken for the result of `check`
        raise RuntimeError(http_prelude.shown(error.value)) from error
    return repr(scope.get("result"))


class WitWorld(wit_world.WitWorld):
    def check(self, what):
        return run(what)


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request, response_out):
        with request.headers() as fields:
            code = fields.get("x-run")[0].decode()
        run(code, request=request, response_out=response_out)
