import pytest

from local.host.routes import Route


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("api/health", "/api/health", {}),
        ("api/health", "/API/Health/", {}),
        ("api/health", "/api/health/more", None),
        ("api/{name}", "/api/x%2Fy", {"name": "x/y"}),
        ("api/{name}", "/api", None),
        ("api/{name?}", "/api", {}),
        ("api/{name?}", "/api/x", {"name": "x"}),
        ("api/{a}/{b}/{c}", "/api/1/2/3", {"a": "1", "b": "2", "c": "3"}),
        ("api/{n:int}", "/api/-7", {"n": "-7"}),
        ("api/{n:int}", "/api/seven", None),
        ("api/{n:int?}", "/api", {}),
        ("api/{id:guid}", "/api/0a1b2c3d-0000-1111-2222-333344445555", {"id": "0a1b2c3d-0000-1111-2222-333344445555"}),
        ("api/{id:guid}", "/api/0a1b", None),
        ("api/v{n}.json", "/api/v2.json", {"n": "2"}),
        ("api/v{n}.json", "/api/v2xjson", None),
        ("{*rest}", "/", {}),
        ("api/{*rest}", "/api/a/b", {"rest": "a/b"}),
        ("api/{*rest}", "/other/a", None),
    ],
)
def test_a_path_matches_with_its_parameters(template: str, path: str, parameters: dict[str, str] | None) -> None:
    assert Route.parse(template).match(path) == parameters


def test_the_more_literal_template_is_tried_first() -> None:
    templates = ["{*rest}", "api/{name}", "api/{n:int}", "api/health", "api/v{n}"]

    routes = sorted((Route.parse(template) for template in templates), key=lambda route: route.precedence)

    assert [route.template for route in routes] == ["api/health", "api/v{n}", "api/{n:int}", "api/{name}", "{*rest}"]


def test_an_unknown_constraint_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="'regex' is none of int, long, alpha, guid, bool"):
        Route.parse("api/{name:regex}")
