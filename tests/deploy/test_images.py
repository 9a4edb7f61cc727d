"""The images: what they are made of is there, what they say of themselves is true."""

import re
import tomllib

import pytest
import yaml

from deploy.tools import ROOT
from tests.support.dockerfile import admitted, copied_from_context, stages
from tests.tidy.repository import files

DOCKERFILES = {
    path: stages(ROOT / path) for path in ("Dockerfile", "deploy/images/page.Dockerfile")
}
IMAGE_LINE = re.compile(r"^\s*(?:FROM|image:|- uses:|uses:)\s")
OWN_IMAGES = ("duetime:local", "duetime-page:local")


@pytest.mark.parametrize("path", DOCKERFILES)
def test_every_file_that_an_image_copies_is_let_into_the_build(path: str) -> None:
    for stage in DOCKERFILES[path].values():
        for sources, _ in copied_from_context(stage):
            for source in sources:
                assert any(
                    name == source or name.startswith(f"{source}/") for name in admitted()
                ), f"COPY {source}"


def test_nothing_but_sources_is_let_into_a_build() -> None:
    odd = [
        path
        for path in admitted()
        if not re.fullmatch(
            r"pyproject\.toml|uv\.lock|(shared|embedded|services/[a-z-]+)/(pyproject\.toml|src/.+)"
            r"|frontend/.+|deploy/images/.+",
            path,
        )
    ]

    assert [] == odd
    assert not any("/e2e/" in path or ".env" in path for path in admitted())


def test_every_member_of_the_workspace_has_its_place_in_the_layer_of_third_parties() -> None:
    copied = {
        source
        for sources, _ in copied_from_context(DOCKERFILES["Dockerfile"]["build"])
        for source in sources
    }
    members = {path for path in files() if path.count("/") and path.endswith("/pyproject.toml")}

    assert members <= copied


@pytest.mark.parametrize("path", DOCKERFILES)
def test_an_image_runs_as_a_user_that_is_not_root_and_says_what_it_is(path: str) -> None:
    final = DOCKERFILES[path][""]
    [user] = final.of("USER")
    [label] = final.of("LABEL")

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    for name in ("title", "description", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in label


def test_the_image_of_the_services_starts_without_a_shell() -> None:
    final = DOCKERFILES["Dockerfile"][""]

    assert ['["duetime"]'] == final.of("ENTRYPOINT")
    assert [] == final.of("RUN")


def test_the_versions_in_the_dockerfile_are_those_of_the_repository() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    [version] = {
        tomllib.loads((ROOT / path).read_text(encoding="utf-8"))["project"]["version"]
        for path in files()
        if re.fullmatch(r"(shared|embedded|services/[a-z-]+)/pyproject\.toml", path)
    }

    assert argument(text, "UV_VERSION") == re.findall(
        r"^UV_VERSION := (.+)$", makefile, re.MULTILINE
    )
    assert (
        argument(text, "PYTHON_VERSION")[0]
        in workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    )
    assert [version] == argument(text, "VERSION")
    chart = yaml.safe_load((ROOT / "helm/duetime/Chart.yaml").read_text(encoding="utf-8"))
    assert version == chart["appVersion"]


@pytest.mark.parametrize("path", [*DOCKERFILES, "docker-compose.yml", ".github/workflows/ci.yml"])
def test_what_comes_from_outside_has_a_digest_or_is_marked_as_unpinned(path: str) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    local = [name for stage in DOCKERFILES.get(path, {}).values() for name in [stage.name] if name]
    unmarked = [
        line.strip()
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if IMAGE_LINE.match(line)
        and not any(own in line for own in OWN_IMAGES)
        and not any(line.split()[1] == stage for stage in local)
        and "@sha256:" not in line
        and not re.search(r"@[0-9a-f]{40}\b", line)
        and "# unpinned" not in line
        and following.strip() != "# unpinned"
    ]

    assert [] == unmarked


def argument(text: str, name: str) -> list[str]:
    return re.findall(rf"^ARG {name}=(.+)$", text, re.MULTILINE)
