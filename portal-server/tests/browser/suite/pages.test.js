// Each main page at a phone's width and a desk's, in light and dark: pictures, accessibility, size.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before } from "node:test";

import { examine } from "./examine.js";
import { cli, signupCode, URL_, World } from "./world.js";

const MOST_BYTES = 150 * 1024;
const LONG =
  "It hangs behind the door, where it always hangs. Unless Tom has it, who wanted to mend the mower on Saturday and has not been seen since.";

const world = new World();
const { step } = world;
let visitor;
let olga;
let peer;
let chat;

before(() => world.open());
after(() => world.close());

step("the first paint is small", async () => {
  visitor = await world.window("visitor");
  await visitor.page.getByRole("heading", { name: "Talk in private." }).waitFor();
  const bytes = await visitor.page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .concat(performance.getEntriesByType("navigation"))
      .filter(({ name }) => new URL(name).pathname === "/" || new URL(name).pathname.startsWith("/web/"))
      .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0),
  );
  process.stdout.write(`first paint: ${bytes} bytes\n`);
  assert.ok(bytes > 20_000, `only ${bytes} bytes were counted`);
  assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);
});

step("the way in", () => examine(visitor, "door"));

step("the account key, shown once", async () => {
  const form = visitor.page.getByRole("form", { name: "Sign up" });
  await form.getByLabel("Name").fill("vera");
  await form.getByLabel("Sign-up code").fill(await signupCode());
  await form.getByRole("button", { name: "Sign up" }).click();
  const dialog = visitor.page.getByRole("dialog", { name: "Your account key" });
  await dialog.waitFor();
  await examine(visitor, "dialog-account-key");
  const [download] = await Promise.all([
    visitor.page.waitForEvent("download"),
    dialog.getByRole("link", { name: "Download" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "portal-key-vera.txt");
  // It is not lost by a slip of the finger.
  await visitor.page.keyboard.press("Escape");
  await visitor.page.keyboard.press("Escape");
  await visitor.page.mouse.click(5, 5);
  const key = await dialog.locator("#account-key").textContent();
  assert.ok((await readFile(await download.path(), "utf8")).includes(key));
  visitor = await world.window("guest");
});

step("nobody has chats, and chats have people", async () => {
  olga = await world.person("olga");
  peer = await world.person("pete");
  await cli("user", "set-tier", "olga", "premium");
  await cli("user", "set-tier", "pete", "premium");
  await cli("chat", "create", "--type", "OFFICIAL", "--slug", "lobby", "--owner", "owner", "--name", "The lobby");
  await cli(
    "chat",
    "create",
    "--type",
    "PUBLIC",
    "--slug",
    "garden",
    "--owner",
    "pete",
    "--name",
    "Gardening in small places",
  );
  await examine(olga, "start");
});

step("the open chats", async () => {
  await olga.page.goto(`${URL_}/#/open`);
  await olga.page.getByText("Gardening in small places").waitFor();
  await examine(olga, "open-chats");
});

step("a guest looks into an open chat", async () => {
  await visitor.page.goto(`${URL_}/#/c/garden`);
  await visitor.page.getByText("Messages here are encrypted. Those who take part can read them.").waitFor();
  await examine(visitor, "guest");
});

step("a new chat", async () => {
  await olga.page.goto(`${URL_}/#/new`);
  await olga.page.getByRole("heading", { name: "New chat" }).waitFor();
  await examine(olga, "new-chat");
  await olga.page.setViewportSize({ width: 1280, height: 800 });
  await olga.page.getByLabel("Name").fill("Summer house");
  await olga.page.getByRole("button", { name: "Make the chat" }).click();
  await olga.isIn("Summer house");
  chat = olga.page.url();
});

step("a conversation", async () => {
  await peer.follow(await olga.invites());
  await peer.isIn("Summer house");
  await olga.says("Has anybody seen the key to the shed?");
  await peer.says(LONG);
  await olga.says("Behind which door?");
  await olga.says("There are three.");
  await peer.says("https://example.org/a/rather/long/address/that/has/no/spaces/in/it/at/all/and/goes/on?and=on");
  await olga.reads("https://example.org/a/rather/long/address/that/has/no/spaces/in/it/at/all/and/goes/on?and=on");
  await examine(olga, "chat");
});

step("the dialogs of a chat", async () => {
  for (const [button, heading] of [
    ["People", "People"],
    ["Chat settings", "Chat settings"],
    ["More", "Summer house"],
  ]) {
    await olga.page.setViewportSize({ width: 1280, height: 800 });
    await olga.page.getByRole("button", { name: button, exact: true }).click();
    await olga.page.getByRole("dialog", { name: heading }).waitFor();
    await examine(olga, `dialog-${button.toLowerCase().replace(" ", "-")}`);
    await olga.page.keyboard.press("Escape");
    await olga.page.getByRole("dialog").waitFor({ state: "detached" });
  }
  await olga.page.setViewportSize({ width: 1280, height: 800 });
  await olga.page.getByRole("button", { name: "People" }).click();
  await olga.page.getByRole("button", { name: "Compare keys" }).click();
  await olga.page.locator(".digits").waitFor();
  await examine(olga, "dialog-keys");
  await olga.page.keyboard.press("Escape");
  await olga.page.setViewportSize({ width: 1280, height: 800 });
  await olga.page.getByRole("button", { name: "People" }).click();
  await olga.page.getByRole("button", { name: "More about pete" }).click();
  await olga.page.getByRole("button", { name: "Mute, remove or ban" }).click();
  await olga.page.getByRole("dialog", { name: "Moderate pete" }).waitFor();
  await examine(olga, "dialog-moderate");
  await olga.page.keyboard.press("Escape");
  await olga.page.setViewportSize({ width: 1280, height: 800 });
  await olga.onMessage(LONG, "Report");
  await olga.page.getByRole("dialog", { name: "Report this message" }).waitFor();
  await examine(olga, "dialog-report");
  await olga.page.keyboard.press("Escape");
});

step("everything in a chat can be done by keyboard", async () => {
  const { page } = olga;
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole("textbox", { name: "Message" }).focus();
  await page.keyboard.type("Typed");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("on two lines");
  await page.keyboard.press("Enter");
  await peer.page.getByRole("article").getByText("Typed on two lines").waitFor();
  // From the composer backwards to the last message's menu.
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Your message" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.title), "More");
});

step("earlier messages come when one looks for them", async () => {
  await cli("config", "set", "sends_per_user", 200);
  await cli("config", "set", "sends_per_chat", 200);
  for (let number = 1; number <= 60; number += 1) {
    await peer.page.getByRole("textbox", { name: "Message" }).fill(`Number ${number}`);
    await peer.page.keyboard.press("Enter");
  }
  await olga.reads("Number 60");
  await olga.page.reload();
  await olga.isIn("Summer house");
  await olga.reads("Number 60");
  assert.equal(await olga.message("Behind which door?").count(), 0);
  await olga.page.locator(".scroll").evaluate((element) => element.scrollTo(0, 0));
  await olga.reads("Behind which door?");
});

step("what is unread is counted, and read by looking", async () => {
  await olga.page.goto(`${URL_}/#/match`);
  await olga.page.getByRole("heading", { name: "Meet somebody" }).waitFor();
  await peer.says("One more thing");
  await olga.page.getByLabel("1 unread message").waitFor();
  await olga.page.getByRole("link", { name: /One more thing/ }).waitFor();
  await examine(olga, "match");
  await olga.page.goto(chat);
  await olga.reads("One more thing");
  await olga.page.getByLabel("1 unread message").waitFor({ state: "detached" });
});

step("waiting for a match", async () => {
  await olga.page.goto(`${URL_}/#/match`);
  await olga.page.getByLabel("What would you like to talk about?").fill("tomatoes compost bees");
  await olga.page.getByRole("button", { name: "Find somebody" }).click();
  await olga.page.getByText("Looking for somebody who shares this:").waitFor();
  await examine(olga, "waiting");
  await olga.page.getByRole("button", { name: "Stop waiting" }).click();
  await olga.page.getByLabel("What would you like to talk about?").waitFor();
});

step("the account", async () => {
  await olga.page.goto(`${URL_}/#/account`);
  await olga.page.getByText("this one").waitFor();
  await olga.page.getByText("You have blocked nobody.").waitFor();
  await examine(olga, "account");
});

step("an invite", async () => {
  await olga.page.goto(`${URL_}/#/join/aaaaaaaaaaaaaaaa`);
  await olga.page.getByRole("button", { name: "Join the chat" }).waitFor();
  await examine(olga, "invite");
  await olga.page.getByRole("button", { name: "Join the chat" }).click();
  await olga.page.getByText("This code leads nowhere").waitFor();
});

step("a chat of the older suite says that it cannot be read here", async () => {
  const { id } = await cli(
    "chat",
    "create",
    "--type",
    "OFFICIAL",
    "--slug",
    "old",
    "--owner",
    "owner",
    "--name",
    "Old clients",
    "--e2ee",
    2,
  );
  await olga.page.goto(`${URL_}/#/chat/${id}`);
  await olga.page.getByText("This client cannot read or write it").waitFor();
});

step("a public chat is made and found by its address", async () => {
  await olga.page.setViewportSize({ width: 1280, height: 800 });
  await olga.page.goto(`${URL_}/#/new`);
  await olga.page.getByText("Everybody with the link.").click();
  await olga.page.getByLabel("Name").fill("Balcony");
  await olga.page.getByLabel("Address").fill("balcony");
  await olga.page.getByRole("button", { name: "Make the chat" }).click();
  await olga.isIn("Balcony");
  await peer.page.goto(`${URL_}/#/c/balcony`);
  await peer.isIn("Balcony");
  await peer.says("From the street");
  await olga.reads("From the street");
});

step("a chat's settings are changed, and everybody sees it", async () => {
  await olga.page.getByRole("button", { name: "Chat settings" }).click();
  await olga.page.getByLabel("Name").fill("The balcony");
  await olga.page.getByLabel(/^Slow mode/).fill("5");
  await olga.page.getByLabel("Delete all messages").selectOption("24h");
  await olga.page.getByRole("button", { name: "Save" }).click();
  await peer.page.getByRole("heading", { name: "The balcony" }).waitFor();
  await peer.page.getByText("Settings changed: when all messages are deleted, slow mode.").waitFor();
  const saved = await olga.page.evaluate(
    async (id) => (await fetch(`/v1/portal/chats/${id}`)).json(),
    olga.page.url().split("/").at(-1),
  );
  assert.equal(saved.chat_config.slow_mode_seconds, 5);
  assert.equal(saved.chat_config.wipe_preset, "24h");
  assert.equal(saved.chat_config.history_visible, true);
});

step("a message that is refused says why, and goes when it may", async () => {
  await peer.says("First");
  await olga.page.getByRole("button", { name: "Chat settings" }).click();
  await olga.page.getByLabel(/^Slow mode/).fill("600");
  await olga.page.getByRole("button", { name: "Save" }).click();
  await olga.page.getByText("Saved.").waitFor();
  await peer.page.getByRole("textbox", { name: "Message" }).fill("Second");
  await peer.page.keyboard.press("Enter");
  await peer
    .message("Second")
    .getByText(/^Not sent\. Too fast\. Try again in \d+ min\.$/)
    .waitFor();
  await examine(peer, "not-sent");
  await olga.page.getByRole("button", { name: "Chat settings" }).click();
  await olga.page.getByLabel(/^Slow mode/).fill("0");
  await olga.page.getByRole("button", { name: "Save" }).click();
  await olga.page.getByRole("dialog").waitFor({ state: "detached" });
  await peer.message("Second").getByRole("button", { name: "Try again" }).click();
  await peer.message("Second").getByText("sent", { exact: true }).waitFor();
  await olga.reads("Second");
});

step("an invite that is revoked leads nowhere", async () => {
  await olga.page.goto(chat);
  await olga.isIn("Summer house");
  const link = await olga.invites();
  await olga.page.getByRole("button", { name: "Chat settings" }).click();
  const code = olga.page.getByRole("listitem").filter({ hasText: link.split("/").at(-1) });
  await code.getByRole("button", { name: "Revoke" }).click();
  await code.waitFor({ state: "detached" });
  await olga.page.keyboard.press("Escape");
});

step("another device of the same person gets the key; ended from here, it gets no other", async () => {
  const other = await world.window("olga elsewhere");
  await other.signIn("olga", olga.accountKey);
  await peer.page.goto(chat);
  await peer.isIn("Summer house");
  const epoch = await peer.epoch();
  await other.page.goto(chat);
  await other.isIn("Summer house");
  await other.reads("One more thing");
  await other.says("From my other device");
  await peer.reads("From my other device");
  await olga.page.goto(`${URL_}/#/account`);
  await olga.page.getByRole("button", { name: "End it" }).click();
  await olga.confirms("End it");
  await peer.page.getByText(`Encrypted · epoch ${epoch + 1}`, { exact: true }).waitFor();
  await other.page.getByText("This session was ended from elsewhere. Its keys are gone.").waitFor();
  await other.page.getByRole("heading", { name: "Talk in private." }).waitFor();
});

step("no console has an error, and no policy was broken", () => world.assertQuiet());
