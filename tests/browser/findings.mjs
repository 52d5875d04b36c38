// The console in a real browser: a finding appears by itself, is opened, understood and acknowledged, and every
// page is free of serious accessibility violations in both themes.
//
//   node findings.mjs --base http://127.0.0.1:8440 --login 'http://127.0.0.1:8440/login?code=...' [--finding TITLE]
//                     [--screenshots DIRECTORY] [--chromium /usr/bin/chromium] [--timeout SECONDS]
//
// --base         address of the server                                 (or FARGARD_BASE_URL)
// --login        link that logs in once                                (or FARGARD_LOGIN_URL)
// --finding      title of a detection that is not there yet and has to appear by itself, without a reload; without
//                it the test goes on with the first detection there is, which may have come before the browser
// --screenshots  keeps a picture of each page here
// --timeout      longest wait for the finding, 60 s unless told otherwise
//
// The line "READY" on standard output says that the list is open and waits: whoever drives this test with --finding
// makes it happen after that line. Every step prints a line that begins with "ok"; exit status 0 says that all of them
// held, 1 that one did not (the last line on standard error says which), 2 that the arguments are wrong.
// Set it up once with "npm ci" in this directory.

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const THEMES = ["light", "dark"];
const COMPLIANCE = [
  ["compliance", "/compliance"], ["images", "/compliance/images"], ["images-before", "/compliance/images?stage=ci"],
  ["compliance-rules", "/compliance/rules?new=1"], ["collections", "/compliance/collections?new=1"],
  ["exceptions", "/compliance/exceptions?new=1"],
];

function options() {
  const text = { type: "string" };
  const { values } = parseArgs({
    options: { base: text, login: text, finding: text, screenshots: text, chromium: text, timeout: text },
  });
  const base = values.base ?? process.env.FARGARD_BASE_URL;
  const login = values.login ?? process.env.FARGARD_LOGIN_URL;
  if (!base || !login) throw new Error("--base and --login (or FARGARD_BASE_URL and FARGARD_LOGIN_URL) are needed");
  const timeout = Number(values.timeout ?? "60") * 1000;
  if (!(timeout > 0)) throw new Error(`--timeout ${values.timeout}: a number of seconds is needed`);
  return {
    url: base.replace(/\/$/, ""), login, timeout,
    finding: values.finding, screenshots: values.screenshots, chromium: values.chromium ?? "/usr/bin/chromium",
  };
}

function ok(step) {
  console.log(`ok ${step}`);
}

function check(holds, step, why = "") {
  if (!holds) throw new Error(`${step}${why ? `: ${why}` : ""}`);
  ok(step);
}

// What the browser itself complains of: blocked by the content security policy, failed scripts, missing assets.
function watchForComplaints(page) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // A refused change of the policy is told with this status, on purpose.
    const refused = message.text().includes("status of 422") && message.location().url.includes("/compliance/rules");
    if (message.type() === "error" && !refused) complaints.push(`${message.text()} ${message.location().url}`);
  });
  return complaints;
}

async function logIn(page, { url, login }) {
  await page.goto(`${url}/findings`);
  check(new URL(page.url()).pathname === "/login", "a stranger is sent to the login page");
  await page.goto(login);
  await page.waitForURL((address) => address.pathname !== "/login");
  check(await page.locator("header .who").count() === 1, "the one-time link logs in", page.url());
}

async function rejectSecondUse(browser, { login }) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const answer = await page.goto(login);
  check(answer.status() === 401, "the one-time link works once", `second use answered ${answer.status()}`);
  await context.close();
}

async function findingAppears(page, { url, finding, timeout }) {
  await page.goto(`${url}/findings?state=open&kind=detection`);
  const before = await page.locator("#list tr[data-row] a.open").allTextContents();
  if (!finding && before.length > 0) {
    ok(`${before.length} findings were there before the browser was`);
    return before[0];
  }
  if (before.includes(finding)) throw new Error(`${finding} is there already, so it cannot appear`);
  await page.evaluate(() => { window.sameDocument = true; });
  console.log("READY");
  const found = await page.waitForFunction(
    (wanted) => [...document.querySelectorAll("#list tr[data-row] a.open")]
      .map((link) => link.textContent)
      .find((title) => !wanted || title === wanted),
    finding ?? null,
    { timeout },
  );
  const title = await found.jsonValue();
  check(await page.evaluate(() => window.sameDocument === true), "the finding appeared without a reload", title);
  await page.waitForFunction(() => document.getElementById("announce").textContent !== "", null, { timeout: 5000 });
  ok(`its arrival was announced: ${await page.locator("#announce").textContent()}`);
  return title;
}

async function openByKeyboard(page, title) {
  await page.locator("body").press("j");
  for (let step = 0; step < 500; step += 1) {
    if (await page.evaluate(() => document.activeElement.textContent) === title) break;
    await page.keyboard.press("j");
  }
  await page.keyboard.press("o");
  await page.waitForURL(/\/findings\/[0-9a-f]{32}$/);
  check(await page.locator("h1").textContent() === title, "j and o open the finding");
}

async function understand(page) {
  const nodes = page.locator(".tree .node");
  check(await nodes.count() >= 1, "the process tree is there", `${await nodes.count()} processes`);
  check(await page.locator(".tree .node.acting").count() === 1, "the process that made the call stands out");
  const condition = await page.locator(".condition code").first().textContent();
  check(condition.trim().length > 0, "the rule's condition is there");
  check(await page.locator(".c-field, .c-keyword").count() > 0, "its words are told apart");
  check(await page.locator(".fields tbody tr").count() > 0, "the values of its fields are there");
  const raw = page.locator("details", { hasText: "as JSON" }).first();
  await raw.locator("summary").click();
  const detection = JSON.parse(await raw.locator("code").textContent());
  check(typeof detection.rule === "string", "the raw detection is JSON");
}

async function acknowledge(page) {
  await page.locator("#note").fill("seen by the browser test");
  await page.locator("h1").click();
  await page.keyboard.press("e");
  await page.locator("#head .state-acknowledged").waitFor();
  ok("e acknowledges");
  const history = await page.locator("#history").textContent();
  check(history.includes("seen by the browser test"), "the note is in the history");
  check((await page.locator(".done").textContent()).includes("acknowledged"), "the change is confirmed");
  await page.reload();
  check(await page.locator(".done").count() === 0, "it is confirmed once");
}

async function chooseTheme(page, theme) {
  await page.locator("details.menu:has(.who) summary").click();
  await page.locator(`button[name="theme"][value="${theme}"]`).click();
  await page.waitForFunction((name) => document.documentElement.dataset.theme === name, theme);
}

async function judge(page, axe, name, theme, { screenshots }) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
  }));
  if (screenshots) await page.screenshot({ path: join(screenshots, `${name}-${theme}.png`), fullPage: true });
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const why = serious.map(({ id, nodes }) => `${id} at ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  if (serious.length === 0) ok(`${name} is accessible in the ${theme} theme`);
  for (const { id, nodes } of violations) console.log(`note ${name}, ${theme}: ${id} at ${nodes[0].target.join(" ")}`);
  return why.map((text) => `${name}, ${theme}: ${text}`);
}

async function judgeAll(page, finding, settings) {
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const { url } = settings;
  const found = [];
  for (const theme of THEMES) {
    await page.goto(`${url}/`);
    await chooseTheme(page, theme);
    for (const [name, path] of [["overview", "/"], ["findings", "/findings"], ["tasks", "/tasks"], ["coverage", "/coverage"], ["rules", "/rules"], ...COMPLIANCE]) {
      await page.goto(url + path);
      found.push(...await judge(page, axe, name, theme, settings));
      const image = name === "images" ? page.locator("#list tr[data-row] a.open").first() : null;
      if (image && await image.count() > 0) {
        await image.click();
        await page.waitForURL(/\/compliance\/images\/./);
        check(await page.locator("#checks details.check").count() > 0, `an image shows its checks in the ${theme} theme`);
        found.push(...await judge(page, axe, "image", theme, settings));
      }
      const cluster = name === "coverage" ? page.locator("#list tr[data-row] a.open").first() : null;
      if (cluster && await cluster.count() > 0) {
        await cluster.click();
        await page.waitForURL(/\/coverage\/./);
        check(await page.locator("#tasks tr[data-row]").count() > 0, `a cluster shows its tasks in the ${theme} theme`);
        found.push(...await judge(page, axe, "cluster", theme, settings));
      }
    }
    await page.goto(finding);
    found.push(...await judge(page, axe, "finding", theme, settings));
    await page.locator(".side-column .panel-head a", { hasText: "Task" }).click();
    await page.waitForURL(/\/tasks\/./);
    found.push(...await judge(page, axe, "task", theme, settings));
    await page.keyboard.press("?");
    await page.locator("dialog[open]").waitFor();
    found.push(...await judge(page, axe, "help", theme, settings));
    await page.keyboard.press("Escape");
  }
  check(found.length === 0, "no page has a serious accessibility violation", found.join("\n"));
}

async function withoutScript(browser, page, { url }) {
  const context = await browser.newContext({
    javaScriptEnabled: false, storageState: await page.context().storageState(),
  });
  const plain = await context.newPage();
  await plain.goto(`${url}/findings?state=acknowledged`);
  await plain.locator("#list tr[data-row] input[type=checkbox]").first().check();
  await plain.locator('#bulk button[value="open"]').click();
  check((await plain.locator(".done").textContent()) === "1 finding reopened.", "without a script, a selected finding is reopened");
  await context.close();
}

async function policy(page, { url }) {
  await page.goto(`${url}/compliance/collections?new=1`);
  await page.locator('input[name="name"]').fill("browser test");
  await page.locator('textarea[name="hosts"]').fill("browser-*");
  await page.locator('button[value="save"]').click();
  check((await page.locator(".done").textContent()).startsWith("Kept."), "a collection is kept");
  await page.goto(`${url}/compliance/rules?new=1`);
  await page.locator('input[name="name"]').fill("browser rule");
  await page.getByLabel("browser test", { exact: true }).check();
  await page.locator('select[name="check-426"]').selectOption("block");
  await page.locator('button[value="save"]').click();
  const why = await page.locator(".problem").textContent();
  check(why.includes("the block action doesn't apply to Fargate tasks"), "block is refused with the reason", why);
  check(await page.locator('input[name="name"]').inputValue() === "browser rule", "what was entered stays");
  await page.locator('select[name="check-426"]').selectOption("alert");
  await page.locator('button[value="save"]').click();
  check(await page.locator(".policy-list h2", { hasText: "browser rule" }).count() === 1, "the rule is kept");
}

async function narrow(page, finding, { url }) {
  await page.setViewportSize({ width: 400, height: 800 });
  for (const address of [`${url}/`, `${url}/findings`, `${url}/tasks`, `${url}/coverage`, `${url}/rules`, ...COMPLIANCE.map(([, path]) => url + path), finding]) {
    await page.goto(address);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(overflow <= 0, `${new URL(address).pathname.slice(0, 12)} fits 400 pixels`, `${overflow} pixels too wide`);
  }
}

async function main(settings) {
  if (settings.screenshots) await mkdir(settings.screenshots, { recursive: true });
  const browser = await chromium.launch({ executablePath: settings.chromium, args: FLAGS });
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    await logIn(page, settings);
    await rejectSecondUse(browser, settings);
    const complaints = watchForComplaints(page);
    const title = await findingAppears(page, settings);
    await openByKeyboard(page, title);
    const finding = page.url();
    await understand(page);
    await acknowledge(page);
    await withoutScript(browser, page, settings);
    await judgeAll(page, finding, settings);
    await policy(page, settings);
    await narrow(page, finding, settings);
    check(complaints.length === 0, "the browser complained of nothing", complaints.join("; "));
  } finally {
    await browser.close();
  }
}

let settings;
try {
  settings = options();
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exit(2);
}
try {
  await main(settings);
} catch (error) {
  console.error(`failed: ${error.message}`);
  process.exit(1);
}
