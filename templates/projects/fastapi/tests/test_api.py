import pytest
from fastapi.testclient import TestClient

from app.api import create_app


@pytest.fixture
def client() -> TestClient:
    return TestClient(create_app())


def test_health_says_that_the_service_is_well(client: TestClient) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}
    assert response.headers["cache-control"] == "no-store"


def test_greets_by_name(client: TestClient) -> None:
    response = client.post("/api/greetings", json={"name": " Ada "})
    assert response.status_code == 201
    assert response.json() == {"message": "Hello, Ada!"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": 1}, "name"),
        ({"name": "Ada", "age": 36}, "age"),
    ],
)
def test_refuses_input(client: TestClient, body: dict[str, object], path: str) -> None:
    response = client.post("/api/greetings", json=body)
    assert response.status_code == 422
    assert response.json()["error"] == "The input is not valid"
    assert [issue["path"] for issue in response.json()["issues"]] == [path]


def test_refuses_a_body_that_is_no_json(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.post("/api/greetings", content="{", headers=headers)
    assert response.status_code == 400
    assert response.json() == {"error": "The body is no JSON"}


def test_answers_in_json_where_there_is_no_route(client: TestClient) -> None:
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert response.json() == {"error": "GET /nowhere does not exist"}
    response = client.delete("/api/greetings")
    assert response.status_code == 405
    assert response.json() == {"error": "/api/greetings takes POST"}


def test_keeps_browsers_careful(client: TestClient) -> None:
    assert client.get("/health").headers["x-content-type-options"] == "nosniff"


def test_tells_the_client_nothing_of_a_fault() -> None:
    app = create_app()

    @app.get("/fault")
    async def fault() -> None:
        message = "the password is hunter2"
        raise RuntimeError(message)

    response = TestClient(app, raise_server_exceptions=False).get("/fault")
    assert response.status_code == 500
    assert response.json() == {"error": "Something went wrong"}
    # The server gets it, and logs it.
    with pytest.raises(RuntimeError, match="hunter2"):
        TestClient(app).get("/fault")


def test_describes_itself(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    responses = described["paths"]["/api/greetings"]["post"]["responses"]
    schema = responses["422"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/InvalidInput"}
