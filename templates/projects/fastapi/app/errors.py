"""What clients see of an error. What they cannot mend goes to the log and not to them."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException


class Issue(BaseModel):
    """What is wrong with a part of the input."""

    path: str
    message: str


class Fault(BaseModel):
    """An error."""

    error: str


class InvalidInput(Fault):
    """An error in input that can be read."""

    issues: list[Issue]


def answer(status: int, body: Fault, headers: dict[str, str] | None = None) -> JSONResponse:
    """Answers with an error."""
    return JSONResponse(body.model_dump(), status, headers)


async def refused(request: Request, error: Exception) -> JSONResponse:
    """Answers what no route took, and what a route refused by itself."""
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette calls this for nothing else.
    headers = dict(error.headers or {})
    if error.status_code == 404 and error.detail == "Not Found":
        message = f"{request.method} {request.url.path} does not exist"
    elif error.status_code == 405 and "Allow" in headers:
        message = f"{request.url.path} takes {headers['Allow']}"
    else:
        message = str(error.detail)
    return answer(error.status_code, Fault(error=message), headers)


async def invalid(_request: Request, error: Exception) -> JSONResponse:
    """Answers input that is not valid."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above.
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return answer(400, Fault(error="The body is no JSON"))
    # The first part of a place is where it was sent, such as `body`.
    issues = [
        Issue(path=".".join(str(part) for part in one["loc"][1:]), message=one["msg"])
        for one in found
    ]
    return answer(422, InvalidInput(error="The input is not valid", issues=issues))


async def failed(_request: Request, _error: Exception) -> JSONResponse:
    """Answers after a fault of ours, which the server logs."""
    return answer(500, Fault(error="Something went wrong"))


def install(app: FastAPI) -> None:
    """Makes every error an answer in JSON."""
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, failed)
