"""Look at the dashboard of a running Superset with a browser, and print what is there as JSON.

    .superset/venv/bin/python tests/desktop/browse_superset.py http://127.0.0.1:8088 docs/images < .superset/password.txt

writes the pictures of docs/superset.md anew. It needs Chromium and its driver, and fonts for Chinese. Selenium
comes with Superset, so this runs with Superset's Python.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService  # type: ignore[import-not-found]
from selenium.webdriver.common.by import By  # type: ignore[import-not-found]
from selenium.webdriver.common.keys import Keys  # type: ignore[import-not-found]
from selenium.webdriver.remote.webelement import WebElement  # type: ignore[import-not-found]
from selenium.webdriver.support.ui import WebDriverWait  # type: ignore[import-not-found]

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--lang=en",
)
WIDTH, SCREEN = 1600, 1000
# all charts at once: what is out of sight is not drawn
WHOLE_PAGE = 5600
PATIENCE = 120
CITY = "宜昌 Yichang"
PICTURES = {
    "radar": "城市雷达",
    "heat-map": "维度热力图",
    "robustness": "任意权重",
    "agreement": "与报告的一致性",
    "expectations": "期望检验",
}
CHART = "[data-test=chart-grid-component]"
# one for each chart that is drawn: a picture, or a table with rows
DRAWN = f"{CHART} [data-test=slice-container]:has(canvas, tbody tr)"
ERRORS = f"{CHART} [role=alert], {CHART} .ant-alert, .ant-alert-error, [data-test=missing-chart-container]"


def found(driver: Chrome, selector: str) -> list[WebElement]:
    """The elements that a selector finds."""
    elements: list[WebElement] = driver.find_elements(By.CSS_SELECTOR, selector)
    return elements


def log_in(driver: Chrome, address: str, password: str) -> None:
    """Go to the dashboard by way of the page that asks who it is."""
    driver.get(f"{address}/superset/dashboard/opportunity-cities/")
    WebDriverWait(driver, PATIENCE).until(lambda _: found(driver, "[data-test=password-input]"))
    found(driver, "[data-test=username-input]")[0].send_keys("admin")
    found(driver, "[data-test=password-input]")[0].send_keys(password)
    found(driver, "[data-test=login-button]")[0].click()


def wait_until_drawn(driver: Chrome) -> None:
    """Wait until every chart is drawn or shows an error, and nothing moves any more."""
    wait = WebDriverWait(driver, PATIENCE)
    wait.until(lambda _: found(driver, CHART))
    wait.until(
        lambda _: (
            len(found(driver, DRAWN)) + len(found(driver, ERRORS)) >= len(found(driver, CHART))
            and not found(driver, "[data-test=loading-indicator]")
        )
    )
    wait.until(lambda _: stands_still(driver))


def stands_still(driver: Chrome) -> bool:
    """Whether the page looks the same a while later."""
    before = driver.get_screenshot_as_png()
    time.sleep(1)
    return bool(before == driver.get_screenshot_as_png())


def ranking(driver: Chrome) -> list[str]:
    """The rows of the table of ranks."""
    return [row.text.replace("\n", " ") for row in found(chart_of(driver, "排名"), "tbody tr")]


def chart_of(driver: Chrome, title: str) -> WebElement:
    """The chart whose title begins so."""
    return next(chart for chart in found(driver, CHART) if chart.text.startswith(title))


def choose_city(driver: Chrome, city: str) -> None:
    """Have the dashboard show one city."""
    field = found(driver, "[data-test=filter-bar] input[type=search]")[1]
    field.send_keys(city)
    time.sleep(1)
    field.send_keys(Keys.ENTER, Keys.ESCAPE)
    found(driver, "[data-test=filter-bar__apply-button]")[0].click()
    WebDriverWait(driver, PATIENCE).until(lambda _: len(ranking(driver)) == 1)


def hosts(driver: Chrome) -> dict[str, set[str]]:
    """The hosts that pages asked, and those among them that they were kept from asking."""
    asked: dict[str, str] = {}
    kept: set[str] = set()
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        key = message["params"].get("requestId", "")
        if message["method"] == "Network.requestWillBeSent":
            asked[key] = message["params"]["request"]["url"]
        if message["method"] == "Network.loadingFailed" and message["params"].get("blockedReason") == "csp":
            kept.add(key)
    # what the browser shows before it is told where to go is no page of Superset
    urls = {key: url for key, url in asked.items() if url.startswith(("http:", "https:", "ws:", "wss:"))}
    return {
        "reached": {url.split("/")[2] for key, url in urls.items() if key not in kept},
        "kept": {url.split("/")[2] for key, url in urls.items() if key in kept},
    }


def look(driver: Chrome, address: str, password: str, folder: Path) -> dict[str, Any]:
    """Log in, look at everything, take pictures, choose a city; tell what was seen."""
    log_in(driver, address, password)
    driver.set_window_size(WIDTH, WHOLE_PAGE)
    wait_until_drawn(driver)
    seen = {
        "charts": [chart.text.splitlines()[0] for chart in found(driver, CHART)],
        "drawn": len(found(driver, DRAWN)),
        "errors": [error.text for error in found(driver, ERRORS)],
        "filters": found(driver, "[data-test=filter-bar]")[0].text.splitlines(),
        "release": chart_of(driver, "版本").text,
        "ranking": ranking(driver),
    }
    for name, title in PICTURES.items():
        chart_of(driver, title).screenshot(str(folder / f"superset-{name}.png"))
    driver.set_window_size(WIDTH, SCREEN)
    wait_until_at_rest(driver)
    driver.save_screenshot(str(folder / "superset-dashboard.png"))
    driver.set_window_size(WIDTH, WHOLE_PAGE)
    choose_city(driver, CITY)
    seen["ranking_of_city"] = ranking(driver)
    return seen | {key: sorted(value) for key, value in hosts(driver).items()}


def wait_until_at_rest(driver: Chrome) -> None:
    """Wait until nothing moves."""
    WebDriverWait(driver, PATIENCE).until(lambda _: stands_still(driver))


def main() -> int:
    """Look, and print."""
    address, folder = sys.argv[1], Path(sys.argv[2])
    password = sys.stdin.read().strip()
    folder.mkdir(parents=True, exist_ok=True)
    options = ChromeOptions()
    with tempfile.TemporaryDirectory() as profile:
        for argument in (*ARGUMENTS, f"--user-data-dir={profile}", f"--window-size={WIDTH},{SCREEN}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        service = ChromeService(shutil.which("chromedriver"))
        driver = Chrome(options=options, service=service)
        try:
            print(json.dumps(look(driver, address, password, folder), ensure_ascii=False, indent=1))
        finally:
            driver.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
