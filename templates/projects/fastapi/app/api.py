"""Puts the application together; the tests ask it without a socket."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response

from app import errors, greetings, health


def create_app() -> FastAPI:
    """Makes the whole application."""
    app = FastAPI(
        title="project-name",
        version="0.1.0",
        responses={400: {"model": errors.Fault}, 422: {"model": errors.InvalidInput}},
    )
    errors.install(app)
    app.include_router(health.router)
    app.include_router(greetings.router)

    @app.middleware("http")
    async def careful(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Keeps browsers from guessing what an answer is."""
        response = await call_next(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        return response

    return app
