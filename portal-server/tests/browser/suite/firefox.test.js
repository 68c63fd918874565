// The same page in another engine: Debian's Firefox, driven over WebDriver BiDi by puppeteer-core (playwright wants a
// Firefox of its own). One person in Firefox and one in Chromium talk, and neither loses anything by a reload.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import puppeteer from "puppeteer-core";

import { cli, PATIENCE, PICTURES, signupCode, URL_, World } from "./world.js";

const world = new World();
const { step } = world;
const complaints = [];
let firefox;
let fox;
let greta;

before(async () => {
  await world.open();
  const how = { browser: "firefox", executablePath: "/usr/bin/firefox-esr", headless: true };
  firefox = await puppeteer.launch({ ...how, defaultViewport: { width: 1280, height: 800 } });
  fox = await firefox.newPage();
  fox.setDefaultTimeout(PATIENCE);
  fox.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
});
after(async () => {
  await firefox?.close();
  await world.close();
});

/** Waits for an element with exactly this text. */
const sees = (selector, text) =>
  fox.waitForFunction(
    (...wanted) => [...document.querySelectorAll(wanted[0])].some(({ textContent: shown }) => shown === wanted[1]),
    {},
    selector,
    text,
  );

/** Waits for a message to be there, and for one's own to be sent. */
const reads = (text, isOwn = false) =>
  fox.waitForFunction(
    (...wanted) =>
      [...document.querySelectorAll("article")].some(
        (line) =>
          line.querySelector(".bubble p")?.textContent === wanted[0] && (!wanted[1] || line.querySelector(".sent")),
      ),
    {},
    text,
    isOwn,
  );

const hasKey = () =>
  fox.waitForFunction(() => /^Encrypted · epoch \d+$/.test(document.querySelector(".lock")?.textContent));

async function says(text) {
  await fox.type("textarea[aria-label=Message]", text);
  await fox.keyboard.press("Enter");
  await reads(text, true);
}

step("somebody signs up in Firefox", async () => {
  const form = "form[aria-labelledby=sign-up-title]";
  await fox.goto(URL_);
  await fox.waitForSelector(`${form}:not([hidden])`);
  await fox.type(`${form} input[name=username]`, "fiona");
  await fox.type(`${form} input[name=signup_code]`, await signupCode());
  await fox.click(`${form} button.primary`);
  await fox.waitForSelector("#account-key");
  await fox.click("dialog .actions button.primary");
  await sees("h1", "Hello, fiona.");
});

step("they follow an invite and talk with somebody in Chromium", async () => {
  greta = await world.person("greta");
  await cli("user", "set-tier", "greta", "premium");
  await greta.makesChat("Two engines");
  await fox.goto(await greta.invites());
  await sees("h1", "You are invited");
  await fox.click(".page button.primary");
  await sees("h1", "Two engines");
  await hasKey();
  await says("From a fox");
  await greta.reads("From a fox");
  await greta.says("Good evening, fox");
  await reads("Good evening, fox");
});

step("a reload in Firefox goes on with the same key", async () => {
  const key = () =>
    fox.evaluate(async () => [...(await (await import("/web/store.js")).read("own", "pair")).pair.publicKey].join());
  const before = await key();
  const epoch = await greta.epoch();
  await fox.reload();
  await hasKey();
  await reads("Good evening, fox");
  await says("Still here");
  await greta.reads("Still here");
  assert.equal(await key(), before);
  assert.equal(await greta.epoch(), epoch);
  await fox.screenshot({ path: `${PICTURES}/firefox-chat.png` });
});

step("no page had an error", () => {
  assert.deepEqual(complaints, []);
  world.assertQuiet();
});
