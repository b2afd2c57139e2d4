"""An example of a route that checks its input; replace it with your own."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints

router = APIRouter(prefix="/api/greetings")


class Greeting(BaseModel):
    """Who is to be greeted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class Greeted(BaseModel):
    """The greeting."""

    message: str


@router.post("", status_code=201)
async def greet(greeting: Greeting) -> Greeted:
    """Greets by name."""
    return Greeted(message=f"Hello, {greeting.name}!")
