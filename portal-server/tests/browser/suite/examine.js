// Pictures of a page in every size and scheme, with nothing wrong for people who see or move otherwise.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { PICTURES } from "./world.js";

const SIZES = [
  [360, 740],
  [1280, 800],
];
const SCHEMES = ["light", "dark"];

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function examine(person, name) {
  const { page } = person;
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: `${PICTURES}/${name}-${width}-${colorScheme}.png` });
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(wide, 0, `${name} is wider than ${width} pixels`);
      // Not as a script of the page: its policy would refuse that, as it should.
      await page.evaluate(axe);
      // What is framed is another's page.
      const { violations } = await page.evaluate(() => globalThis.axe.run({ iframes: false }));
      const bad = violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(
          ({ id, nodes }) =>
            `${id}: ${nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`).join("; ")}`,
        );
      assert.deepEqual(bad, [], `${name} at ${width} in ${colorScheme}`);
    }
  }
}
