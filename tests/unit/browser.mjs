// Looks at a page in a real browser: node browser.mjs CHROMIUM FILE SCREENSHOTS. Prints what it found as JSON.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.env.NODE_MODULES + "/");
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [chromium, file, screenshots] = process.argv.slice(2);
const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-gpu"] });
const found = [];
for (const scheme of ["light", "dark"]) {
  for (const [device, width, height] of [["desktop", 1400, 900], ["phone", 390, 844]]) {
    const page = await browser.newPage();
    const asked = [], errors = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.setBypassCSP(true);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.setViewport({ width, height, isMobile: device === "phone" });
    await page.goto("file://" + file);
    await page.screenshot({ path: `${screenshots}/${device}-${scheme}.png` });
    // What a keyboard reaches, in its order, and whether one sees where it is.
    const reached = [];
    for (let step = 0; step < 12; step++) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate(() => {
        const at = document.activeElement, style = getComputedStyle(at);
        return { tag: at.tagName, name: at.innerText.slice(0, 40), seen: style.outlineStyle !== "none" };
      }));
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    await page.evaluate(axe);
    const result = await page.evaluate(() => axe.run());
    found.push({
      scheme, device, asked, errors, reached, wide,
      violations: result.violations.map((each) => ({ id: each.id, impact: each.impact, nodes: each.nodes.slice(0, 3).map((n) => n.html) })),
      passes: result.passes.length,
    });
    if (scheme === "light" && device === "desktop") {
      await page.pdf({ path: `${screenshots}/print.pdf`, format: "A4" });
    }
    await page.close();
  }
}
await browser.close();
console.log(JSON.stringify(found));
