"""Says that the process answers."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

router = APIRouter()


class Health(BaseModel):
    """How the service is."""

    status: Literal["ok"]


@router.get("/health")
async def health(response: Response) -> Health:
    """Look at what the service depends on here, once it depends on something."""
    response.headers["Cache-Control"] = "no-store"
    return Health(status="ok")
