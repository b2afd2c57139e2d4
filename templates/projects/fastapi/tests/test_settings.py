import pytest

from app.settings import Settings, read_settings


def test_has_defaults_for_development() -> None:
    assert read_settings({}) == Settings("127.0.0.1", 3000)


def test_reads_host_and_port() -> None:
    assert read_settings({"HOST": "::", "PORT": "8080"}) == Settings("::", 8080)


@pytest.mark.parametrize("port", ["", "http", "-1", "65536", "80.5", "²", "9" * 9999])
def test_refuses_what_is_no_port(port: str) -> None:
    with pytest.raises(ValueError, match="PORT"):
        read_settings({"PORT": port})


def test_refuses_an_empty_host() -> None:
    with pytest.raises(ValueError, match="HOST"):
        read_settings({"HOST": ""})
