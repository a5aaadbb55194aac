# SPDX-License-Identifier: Apache-2.0
"""The page in a real Chromium: sign in, start a job, watch it, and take its packet home. Debian's chromium, through
Playwright; nothing is downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import plasma_edge
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from plasma_trainer.server.tokens import SCOPES, Tokens
from tests.trainer.server.processes import PATIENCE_S, serving, working
from tests.trainer.server.test_ladders import climb

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 1000 * PATIENCE_S
WIDTHS = {"desk": 1180, "phone": 375}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own browser profile, which may log no error: neither of scripts nor of the content policy."""
    page, errors = browser.new_page(reduced_motion="reduce"), list[str]()
    page.on("console", lambda said: said.type == "error" and errors.append(said.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.context.close()
    assert not errors


def sign_in(page: Page, url: str, token: str) -> None:
    """With the keyboard alone: the field has the focus."""
    page.goto(url)
    expect(page.get_by_role("textbox")).to_be_focused()
    page.keyboard.type(token)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")


def job_is(page: Page, state: str) -> None:
    expect(page.locator(".head [data-state]")).to_have_text(state, timeout=PATIENCE_MS)


@pytest.mark.long
def test_from_signing_in_to_a_packet_that_verifies(page: Page, tmp_path: Path, keys: Path) -> None:
    settings = Settings(tmp_path / "school", key=keys / "release.pem")
    token = Tokens(Store(settings.database)).create("ann", SCOPES, 1)
    options = ["--workers=0", "--require-token", f"--key={settings.key}"]
    with serving(settings.data, *options) as http:
        url = str(http.base_url).rstrip("/")
        sign_in(page, url, token)
        page.get_by_role("link", name="Start a job").click()
        train = page.locator("form", has=page.get_by_role("heading", name="Train a policy"))
        for field, value in {"Real steps": 60, "Steps a round": 20, "Return to reach": 1e6}.items():
            train.get_by_label(field, exact=True).fill(f"{value:.0f}")
        train.get_by_label("Iterations a round").fill("1")
        train.get_by_role("button", name="Train").click()
        job_is(page, "queued")
        with working(settings.data, keys / "release.pem"):
            # Without a reload: the rounds arrive over the WebSocket, and each moves the curve.
            expect(page.locator("[data-points] tr").first).to_be_attached(timeout=PATIENCE_MS)
            assert page.locator("svg .dot").count() >= 1
            job_is(page, "done")
            expect(page.locator("svg .dot")).to_have_count(3)
            expect(page.get_by_label("Log")).to_contain_text("round 3: 60 real steps")
            page.get_by_label("Name").fill("walker")
            page.get_by_role("button", name="Compile to a packet").click()
            job_is(page, "done")
        page.get_by_role("link", name="walker").click()
        expect(page.get_by_role("heading", name="walker")).to_be_visible()
        expect(page.get_by_role("link", name=re.compile("^job "))).to_be_visible()
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Download").click()
        assert downloading.value.suggested_filename == "walker.plasma"
        downloading.value.save_as(tmp_path / "walker.plasma")
        verdict = page.locator(".head .verdict").inner_text()
        assert token not in page.content()
    info = plasma_edge.verify(tmp_path / "walker.plasma", trust=keys / "release.pub")
    assert (info.audit, verdict) == ("none", "not audited")


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Tokens]]:
    """A server where one job waits for ever, and one ladder was climbed."""
    settings = Settings(tmp_path_factory.mktemp("server"))
    tokens = Tokens(Store(settings.database))
    climb(settings, env="CartPole-v1", climbed=1.0, parted=True)
    with serving(settings.data, "--workers=0", "--require-token") as http:
        headers = {"Authorization": f"Bearer {tokens.create('setup', SCOPES, 1)}"}
        http.post("/train", json={"env": "CartPole-v1"}, headers=headers).raise_for_status()
        yield str(http.base_url).rstrip("/"), tokens


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_pages_fit_their_window_and_every_control_has_a_name(
    browser: Browser, school: tuple[str, Tokens], width: int, scheme: str
) -> None:
    url, tokens = school
    view = {"width": width, "height": 800}
    with browser.new_context(viewport=view, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        sign_in(page, url, tokens.create("ann", SCOPES, 1))
        job = page.locator("[data-job] a").get_attribute("href")
        for path in (
            "/",
            "/ui/jobs/new",
            "/ui/packets",
            "/ui/worlds",
            "/ladder",
            "/ui/tokens",
            job,
        ):
            page.goto(f"{url}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            for role in ("link", "button", "textbox", "progressbar", "img"):
                named = page.get_by_role(role, name=re.compile(r"\S"))  # type: ignore[arg-type]
                assert named.count() == page.get_by_role(role).count(), (path, role)  # type: ignore[arg-type]
        light = (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(247, 247, 245)"
        )
        assert light == (scheme == "light")


@pytest.fixture
def refused(browser: Browser) -> Iterator[Page]:
    """A page whose WebSocket may be refused, which browsers call an error."""
    with browser.new_context() as context:
        yield context.new_page()


def test_a_page_that_is_open_closes_when_its_token_is_revoked(
    refused: Page, school: tuple[str, Tokens]
) -> None:
    url, tokens = school
    token = tokens.create("ann", ("read",), 1)
    sign_in(refused, url, token)
    tokens.revoke(token.split("_")[1])
    refused.wait_for_url(f"{url}/ui/sign-in")


def test_a_page_whose_token_was_revoked_before_it_listened_closes_too(
    refused: Page, school: tuple[str, Tokens]
) -> None:
    url, tokens = school
    token, held = tokens.create("ann", ("read",), 1), []
    refused.route("**/ui/static/page.js", lambda route: held.append(route))
    refused.goto(url, wait_until="commit")
    refused.get_by_role("textbox").fill(token)
    refused.get_by_role("textbox").press("Enter", no_wait_after=True)
    refused.get_by_role("heading", name="Jobs").wait_for()
    tokens.revoke(token.split("_")[1])
    held[-1].continue_()
    refused.unroute("**/ui/static/page.js")
    refused.wait_for_url(f"{url}/ui/sign-in")
