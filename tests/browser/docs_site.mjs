// The documentation in a real Chromium: on a phone, and its search. Prints one JSON object.
import { chromium } from "playwright-core";

const at = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: at.chromium, args: ["--no-sandbox"] });
const phone = await browser.newContext({ viewport: { width: 390, height: 844 } });
const wide = {};
const page = await phone.newPage();
for (const name of at.pages) {
  await page.goto(at.url + name, { waitUntil: "load" });
  const found = await page.evaluate(() => {
    const tables = [...document.querySelectorAll("table.docutils")];
    const over = tables.filter((one) => one.scrollWidth > one.parentElement.clientWidth + 2);
    // Drawings with a narrow variant, and plots, are not cut; other diagrams scroll.
    const whole = [...document.querySelectorAll("figure.diagram:is(:has(svg.phone), :has(svg:not(.jg)))")];
    over.push(...whole.filter((one) => one.scrollWidth > one.clientWidth || one.clientHeight < 100));
    return [document.documentElement.scrollWidth - innerWidth, ...over.map((one) => one.textContent.trim().slice(0, 60))];
  });
  if (found[0] > 0 || found.length > 1) wide[name] = found;
}
const searched = {};
for (const word of at.words) {
  await page.goto(`${at.url}search.html?q=${word}`);
  await page.waitForFunction(() => /finished/i.test(document.body.textContent), null, { timeout: 60_000 });
  searched[word] = await page.$$eval("#search-results li a", (links) => links.map((one) => one.textContent));
}
console.log(JSON.stringify({ wide, searched }));
await browser.close();
