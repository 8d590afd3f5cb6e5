"""What people see and do: log in, read the verdict and the budgets, and watch the log grow."""

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from clients.auditor.cli import main
from protocols.ledger.epsilons import say_epsilon
from tests.adversarial.ledger.honest import World, charter_toml
from tests.browser.conftest import Stage

_AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_REFRESH = "document.dispatchEvent(new Event('visibilitychange'))"


def bent(world: World) -> dict[str, bytes]:
    """Return a log one byte of which was changed."""
    files = world.files()
    (path,) = (path for path in files if path.startswith("tile/entries/"))
    middle = len(files[path]) // 2
    return files | {path: files[path][:middle] + files[path][middle:].replace(b"a", b"b", 1)}


def check_access(page: Page) -> None:
    """Let axe look: labels, names, roles, landmarks, and contrast of at least 4.5."""
    found = Axe().run(page, options=_AXE)
    assert found.violations_count == 0, found.generate_report()


def check_width(page: Page) -> None:
    """The page is never wider than its window."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_token_opens_the_page_and_a_wrong_one_does_not(
    stage: Stage, page: Page, world: World
) -> None:
    stage.show(world.files())
    page.goto(stage.url)
    expect(page).to_have_title("Log in – fedscore")
    page.get_by_label("Login token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the token.")
    stage.log_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Verdict: ✓ TRUE")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Log out").click()
    page.goto(stage.url)
    expect(page).to_have_url(f"{stage.url}login")


def test_its_numbers_are_those_of_the_command_and_of_the_report(
    stage: Stage, page: Page, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.show(world.files())
    charter = tmp_path / "charter.toml"
    charter.write_text(charter_toml(world.table), encoding="utf-8")
    (tmp_path / "signatures.json").write_bytes(world.signatures)
    words, out = [str(stage.folder), "--charter", str(charter)], tmp_path / "report.html"
    assert main(["report", *words, "--out", str(out)]) == 0
    reported = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["partners"]
    capsys.readouterr()
    assert main(["verify", *words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    stage.log_in(page)
    for row, report in zip(said["partners"], reported, strict=True):
        line = page.locator(f"[data-partner={row['name']}]")
        for view in ("released", "worst"):
            spent, cap = row["price"][f"{view}_micro"], row[f"{view}_cap_micro"]
            (priced,) = (each for each in report["views"] if each["view"] == view)
            assert (priced["closed_micro"], priced["cap_micro"]) == (spent, cap)
            assert say_epsilon(spent) in out.read_text(encoding="utf-8")
            cell = line.locator(f"[data-view={view}]")
            expect(cell).to_contain_text(f"{say_epsilon(spent)} of {say_epsilon(cap)}")
            expect(cell).to_contain_text(f"{say_epsilon(row[f'{view}_left_micro'])} left")
            width = cell.locator("rect.held").get_attribute("width")
            assert int(width or 0) == spent * 1000 // cap
    expect(page.locator("#size")).to_have_text(str(said["size"]))
    expect(page.locator("#part-rounds tbody tr")).to_have_count(
        len(said["sums"]) + len(said["voids"])
    )
    expect(page.locator("#part-releases")).to_contain_text(said["releases"][0]["manifest_digest"])
    drawn = "document.querySelector('#chart-released').data.map((line) => line.y.at(-1))"
    page.wait_for_selector("#chart-released .main-svg")
    assert page.evaluate(drawn) == [
        row["spent"]["released_micro"] / 1e6 for row in said["partners"]
    ]


def test_it_shows_by_itself_what_is_new_and_leaves_the_reader_alone(
    stage: Stage, page: Page, world: World
) -> None:
    stage.show(world.files(world.leaves[:20]))
    stage.log_in(page)
    summary = page.get_by_text("A person with several lenders")
    summary.click()
    expect(page.locator("#more-persons")).to_have_attribute("open", "")
    page.evaluate("window.stayed = true")
    stage.show(world.files())
    expect(page.locator("#size")).to_have_text(str(len(world.leaves)))
    expect(page.get_by_role("status")).to_have_text(f"TRUE. {len(world.leaves)} entries.")
    assert page.evaluate("window.stayed")
    expect(page.locator("#more-persons")).to_have_attribute("open", "")
    expect(summary).to_be_focused()
    expect(page.locator("#chart-worst .main-svg").first).to_be_attached()


def test_a_false_log_is_red_and_names_what_is_wrong(stage: Stage, page: Page, world: World) -> None:
    stage.show(world.files())
    stage.log_in(page)
    stage.show(bent(world))
    page.evaluate(_REFRESH)
    expect(page.get_by_role("heading", level=1)).to_have_text("Verdict: ✗ NOT TRUE")
    audit = stage.watcher.snapshot().audit
    assert audit is not None
    expect(page.locator("#part-findings tbody tr")).to_have_count(len(audit.findings))
    expect(page.locator("#part-findings")).to_contain_text(audit.findings[0].message)
    red = page.locator("#verdict-title").evaluate("(node) => getComputedStyle(node).color")
    assert red == "rgb(163, 18, 32)"
    expect(page.get_by_role("status")).to_contain_text("NOT TRUE")
    check_access(page)


def test_before_the_first_verdict_it_says_that_it_is_checking(
    stage: Stage, page: Page, world: World
) -> None:
    stage.show(world.files(), looks=False)
    stage.log_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Verdict: Checking …")
    check_access(page)
    stage.watcher.look()
    page.evaluate(_REFRESH)
    expect(page.get_by_role("heading", level=1)).to_have_text("Verdict: ✓ TRUE")


def test_a_lost_log_keeps_the_verdict_and_says_since_when(
    stage: Stage, page: Page, world: World
) -> None:
    stage.watcher.look()
    stage.log_in(page)
    expect(page.locator("#part-verdict")).to_contain_text("Nothing has been verified yet.")
    check_access(page)
    stage.show(world.files())
    page.evaluate(_REFRESH)
    expect(page.locator("#part-budgets")).to_be_visible()
    stage.folder.rename(stage.folder.with_name("away"))
    stage.watcher.look()
    page.evaluate(_REFRESH)
    expect(page.locator("#part-verdict")).to_contain_text("The log cannot be read. Since 20")
    expect(page.get_by_role("heading", level=1)).to_have_text("Verdict: ✓ TRUE")
    expect(page.locator("#part-budgets")).to_be_visible()
    check_access(page)


def test_a_log_of_the_charter_alone_is_said_to_be_empty(
    stage: Stage, page: Page, world: World
) -> None:
    stage.show(World(world.table).files())
    stage.log_in(page)
    expect(page.locator("#part-verdict")).to_contain_text("The log holds the charter only.")
    expect(page.locator("[data-partner=north]")).to_contain_text("0.000000 of 1.000000")
    expect(page.locator("#part-growth")).to_contain_text("Nothing has been spent yet.")
    check_access(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(
    stage: Stage, browser: Browser, world: World, scheme: str
) -> None:
    context = browser.new_context(
        ignore_https_errors=True, viewport={"width": 360, "height": 740}, color_scheme=scheme
    )
    page = stage.watch(context)
    stage.show(world.files())
    page.goto(stage.url)
    check_width(page)
    check_access(page)
    stage.log_in(page)
    page.wait_for_selector("#chart-worst .main-svg")
    for summary in page.locator("summary").all():
        summary.click()
    check_width(page)
    check_access(page)
    stage.show(bent(world))
    page.evaluate(_REFRESH)
    expect(page.locator("#part-findings")).to_be_visible()
    check_width(page)
    context.close()


def test_everything_is_reached_by_keyboard_in_reading_order(
    stage: Stage, page: Page, world: World
) -> None:
    stage.show(world.files())
    stage.log_in(page)
    page.wait_for_selector("#chart-worst .main-svg")
    page.goto(stage.url)
    page.wait_for_selector("#chart-worst .main-svg")
    order = []
    for _ in range(9):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 20)"))
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid", order
    assert order[:6] == [
        "Skip to the content",
        "中文",
        "Log out",
        "A person with severa",
        "By other accountants",
        "The numbers of the c",
    ]
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_chinese_readers_get_chinese(stage: Stage, browser: Browser, world: World) -> None:
    stage.show(world.files())
    context = browser.new_context(
        ignore_https_errors=True, locale="zh-CN", viewport={"width": 360, "height": 740}
    )
    page = stage.watch(context)
    stage.log_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("结论: ✓ 属实")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    check_width(page)
    check_access(page)
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Verdict: ✓ TRUE")
    context.close()


def test_it_works_without_javascript(stage: Stage, browser: Browser, world: World) -> None:
    stage.show(world.files())
    context: BrowserContext = browser.new_context(
        ignore_https_errors=True, java_script_enabled=False
    )
    page = stage.watch(context)
    stage.log_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Verdict: ✓ TRUE")
    expect(page.locator("meta[http-equiv=refresh]")).to_have_attribute("content", "15")
    page.get_by_text("The numbers of the charts").click()
    expect(page.locator("#more-growth")).to_contain_text("run-2")
    context.close()


def test_a_session_that_ended_leads_back_to_the_login(
    stage: Stage, page: Page, context: BrowserContext, world: World
) -> None:
    stage.show(world.files())
    stage.log_in(page)
    context.clear_cookies()
    page.evaluate(_REFRESH)
    expect(page).to_have_title("Log in – fedscore")


def test_every_witness_is_shown_with_what_it_cosigned_last(
    stage: Stage, page: Page, world: World
) -> None:
    stage.show(world.files())
    stage.log_in(page)
    witnessed = page.locator("#part-log")
    expect(witnessed).to_contain_text(f"the first {len(world.leaves)} of {len(world.leaves)}")
    for name in world.terms.witnesses:
        row = page.locator(f"[data-witness={name}]")
        expect(row).to_contain_text(f"{len(world.leaves)}2023-11-16")
