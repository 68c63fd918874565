// Chats' browsers in the web client, spec 11: a server whose browsers are small pages that say who is signed in and who
// has control (examples/fake-browsers), with a file of its own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";

const folder = await mkdtemp(join(tmpdir(), "portal-"));
process.env.PORTAL_FILE = join(folder, "portal.db");
const server = spawn(process.env.PORTAL_FAKE_BROWSERS, [process.env.PORTAL_FILE], { stdio: ["ignore", "pipe", "inherit"] });
const [text] = await once(server.stdout, "data");
process.env.PORTAL_URL = /listens on (http:\S+)\n/.exec(text)[1];
const { cli, PATIENCE, World } = await import("./world.js");
const { examine } = await import("./examine.js");

const world = new World();
const { step } = world;
let olga;
let pete;
let chat;

before(() => world.open());
after(async () => {
  await world.close();
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
  await rm(folder, { recursive: true });
});

/** The pane, by what it is called. */
const pane = (person) => person.page.getByRole("region", { name: "Browser" });
const press = (person, name) => pane(person).getByRole("button", { name, exact: true }).click();
/** What the page in the frame says. */
const frame = (person) => person.page.frameLocator("iframe");
const sees = (person, words) => frame(person).getByText(words).waitFor();
const says = (person, words) => pane(person).getByText(words).waitFor();
const steps = (person) => person.page.evaluate(() => history.length);
const noFrame = (person) => person.page.locator("iframe").waitFor({ state: "detached" });

async function configure(person, change) {
  await person.page.getByRole("button", { name: "Chat settings" }).click();
  const dialog = person.page.getByRole("dialog", { name: "Chat settings" });
  const settings = dialog.getByRole("form", { name: "Browser" });
  await change(settings);
  await settings.getByRole("button", { name: "Save the browser's" }).click();
  await person.page.getByText("Saved.").last().waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
}

step("an owner starts the chat's browser, and it is there as themself, spec 11.2", async () => {
  olga = await world.person("olga");
  pete = await world.person("pete");
  await cli("user", "set-tier", "olga", "premium");
  chat = await olga.makesChat("The matinee");
  await pete.follow(await olga.invites());
  await pete.isIn("The matinee");
  await olga.says("Before it runs");
  await pete.reads("Before it runs");
  await says(olga, "Not running");
  assert.ok(!(await pane(pete).isVisible()), "who may not start it is told nothing of it");
  await examine(olga, "browser-none");
  olga.steps = await steps(olga);
  await press(olga, "Start the browser");
  await sees(olga, "Signed in as olga");
  await sees(pete, "Signed in as pete");
});

step("the frame is told nothing of where it is, and is no step back in history, spec 11.2", async () => {
  await sees(olga, "From: nowhere. Embedded: 1. Frames above: true.");
  const { src, ...attributes } = await olga.page
    .locator("iframe")
    .evaluate(({ src: address, sandbox, referrerPolicy, allow }) => ({ src: address, sandbox: sandbox.value, referrerPolicy, allow }));
  assert.match(src, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/\?usr=olga&pwd=secret-olga-\d+&embed=1$/);
  assert.deepEqual(attributes, {
    sandbox: "allow-scripts allow-same-origin allow-forms allow-pointer-lock",
    referrerPolicy: "no-referrer",
    allow: "autoplay; clipboard-read; clipboard-write; fullscreen",
  });
  // Nowhere but there.
  assert.ok(!olga.page.url().includes("pwd"));
  const kept = await olga.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]));
  assert.ok(!kept.includes("secret-"), kept);
  assert.equal(await steps(olga), olga.steps);
});

step("who asks is given control, and gives it back, spec 11.4", async () => {
  assert.ok(!(await pane(pete).getByRole("button", { name: "Ask for control" }).isVisible()), "it is not allowed yet");
  await configure(olga, (settings) => settings.getByLabel("People may ask for control").check());
  await press(pete, "Ask for control");
  await says(olga, "pete asks for control.");
  await examine(olga, "browser-asked");
  await press(olga, "Give control to pete");
  await says(olga, "pete has control.");
  await says(pete, "You have control.");
  await sees(pete, "I have control");
  await sees(olga, "Somebody else has control");
  await press(pete, "Give control back");
  await says(olga, "Nobody has control.");
  await sees(pete, "Nobody has control");
  // Asking can be taken back.
  await press(pete, "Ask for control");
  await says(olga, "pete asks for control.");
  await press(pete, "Ask no more");
  await olga.page.getByText("pete asks for control.").waitFor({ state: "detached" });
  await press(olga, "Take control");
  await sees(olga, "I have control");
  await says(pete, "olga has control.");
});

step("control is given without being asked for, spec 11.4", async () => {
  await press(olga, "More about the browser");
  await olga.page.getByRole("dialog").getByRole("button", { name: "Give control to somebody" }).click();
  await olga.page.getByRole("dialog", { name: "Give control to" }).getByRole("button", { name: "pete" }).click();
  await sees(pete, "I have control");
});

step("who joins before the page knows that browsers are run is told of control all the same, spec 11.4", async () => {
  const rosa = await world.person("rosa");
  const status = "**/portal/status";
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  await rosa.context.route(status, async (route) => {
    await held;
    await route.continue();
  });
  const tab = await rosa.tab(await olga.invites());
  await tab.page.getByRole("button", { name: "Join the chat" }).click();
  await tab.isIn("The matinee");
  answer();
  await says(tab, "pete has control.");
  await rosa.context.unroute(status);
  await tab.page.close();
});

step("its clipboard is read and written, spec 11.5", async () => {
  const open = async () => {
    await press(olga, "More about the browser");
    await olga.page.getByRole("dialog").getByRole("button", { name: "Its clipboard" }).click();
    return olga.page.getByRole("dialog", { name: "The browser's clipboard" });
  };
  let dialog = await open();
  await dialog.getByLabel("Text").fill("one\ntwo 🦊");
  await examine(olga, "dialog-clipboard");
  await dialog.getByRole("button", { name: "Put it there" }).click();
  await dialog.waitFor({ state: "detached" });
  dialog = await open();
  await olga.page.waitForFunction(() => document.querySelector("dialog textarea")?.value === "one\ntwo 🦊");
  await dialog.getByRole("button", { name: "Close" }).click();
  await press(pete, "More about the browser");
  const menu = pete.page.getByRole("dialog", { name: "Browser" });
  await menu.getByRole("button", { name: "Take a picture" }).waitFor();
  assert.ok(!(await menu.getByRole("button", { name: "Its clipboard" }).isVisible()));
});

step("whoever talks there takes a picture, spec 11.5", async () => {
  await pete.page.getByRole("dialog").getByRole("button", { name: "Take a picture" }).click();
  const dialog = pete.page.getByRole("dialog", { name: "A picture of the browser" });
  const image = dialog.getByRole("img", { name: "What the browser shows" });
  await image.waitFor();
  assert.equal(await image.evaluate(async (shown) => (await shown.decode(), shown.naturalWidth)), 320);
  await examine(pete, "dialog-picture");
  await dialog.getByRole("button", { name: "Close" }).click();
});

step("the pane is hidden and shown, by keyboard too, and beside what is said", async () => {
  await examine(pete, "browser");
  await pete.page.setViewportSize({ width: 1280, height: 800 });
  await pane(pete).getByRole("button", { name: "Hide the browser" }).focus();
  await pete.page.keyboard.press("Enter");
  await noFrame(pete);
  await says(pete, "Running, hidden here");
  await pete.says("I can write all the same");
  await pane(pete).getByRole("button", { name: "Show the browser" }).focus();
  await pete.page.keyboard.press("Enter");
  await sees(pete, "Signed in as pete");
  await pete.says("And now");
  await olga.reads("And now");
});

step("a page that is loaded again is let in again, with another way in, spec 11.2", async () => {
  const before_ = await pete.page.locator("iframe").getAttribute("src");
  await pete.page.reload();
  await sees(pete, "Signed in as pete");
  assert.notEqual(await pete.page.locator("iframe").getAttribute("src"), before_);
});

step("who is removed sees it no more, spec 11.2", async () => {
  const old = await pete.page.locator("iframe").getAttribute("src");
  await olga.onMessage("And now", "Moderate pete");
  const dialog = olga.page.getByRole("dialog");
  await dialog.getByLabel("What").selectOption("kick");
  await dialog.getByRole("button", { name: "Do it" }).click();
  await noFrame(pete);
  // What they may have kept of it is good for nothing.
  const page = await pete.context.newPage();
  await page.goto(old);
  await page.getByText("Signed out").waitFor({ timeout: PATIENCE });
  await page.close();
  await sees(olga, "Signed in as olga");
});

step("a browser that cannot be run says so, and the chat goes on, spec 11.1", async () => {
  await press(olga, "Stop the browser");
  await noFrame(olga);
  await says(olga, "Not running");
  await olga.says("After it ran");
  await configure(olga, (settings) => settings.getByRole("combobox", { name: "Browser" }).selectOption("brave"));
  await press(olga, "Start the browser");
  await says(olga, "It cannot be run as it is set up here; the server's log says why");
  await examine(olga, "browser-failed");
  await olga.says("And goes on");
});

step("guests see that one runs, and are not let in, spec 11.2", async () => {
  await configure(olga, (settings) => settings.getByRole("combobox", { name: "Browser" }).selectOption("firefox"));
  await cli("chat", "update", chat.split("/").pop(), "--slug", "matinee");
  await press(olga, "Start the browser");
  await sees(olga, "Signed in as olga");
  const guest = await world.window("guest");
  await guest.page.goto(`${process.env.PORTAL_URL}/#/c/matinee`);
  await says(guest, "Running. Sign in to see it.");
  assert.equal(await guest.page.locator("iframe").count(), 0);
  await examine(guest, "browser-guest");
});

step("no page did what it may not", () => world.assertQuiet());
