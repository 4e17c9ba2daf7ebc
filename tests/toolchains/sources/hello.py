# pyright: reportMissingImports=false, reportGeneralTypeIssues=false
from hello import exports
from hello.imports.types import Fields, OutgoingBody, OutgoingResponse, ResponseOutparam
from hello.types import Ok


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request, response_out):
        path = request.path_with_query()
        response = OutgoingResponse(Fields.from_list([("x-made-by", b"python")]))
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        with body.write() as stream:
            stream.blocking_write_and_flush(f"hello {path}".encode())
        OutgoingBody.finish(body, None)
