// The server under test, and people with browsers of their own.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { test } from "node:test";
import { chromium } from "playwright-core";

export const URL_ = process.env.PORTAL_URL;
export const PICTURES = process.env.PORTAL_PICTURES;
const run = promisify(execFile);

/** Runs portal-cli on the running server's file; its JSON. */
export async function cli(...words) {
  const { stdout } = await run(process.env.PORTAL_CLI, [
    "--db",
    process.env.PORTAL_FILE,
    "--json",
    "--yes",
    ...words.map(String),
  ]);
  return stdout ? JSON.parse(stdout) : null;
}

export const signupCode = async () => (await cli("signup", "create", "--max-uses", 1)).code;

/** For everything that is waited for. */
export const PATIENCE = 15_000;

export class World {
  async open() {
    const args = [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ];
    this.browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      headless: true,
      chromiumSandbox: false,
      args,
    });
    this.people = [];
    return this;
  }

  /** A step of a story: each builds on those before, so after a failure the others are left out. */
  step = (name, work) =>
    test(name, async (t) => {
      if (this.failed) return t.skip("a step before it failed");
      try {
        await work();
      } catch (error) {
        this.failed = true;
        for (const { name: who, page, complaints } of this.people) {
          // A picture is a help, not the point.
          await page.screenshot({ path: `${PICTURES}/failed-${who}.png` }).catch(() => {});
          for (const complaint of [`at ${page.url()}`, ...complaints]) t.diagnostic(`${who}: ${complaint}`);
        }
        throw error;
      }
    });

  async close() {
    for (const person of this.people) await person.context.close();
    await this.browser.close();
  }

  /** A window of its own, with nothing of the others' in it. */
  async window(name, options = {}) {
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 800 },
      reducedMotion: "reduce",
      locale: "en-GB",
      ...options,
    });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: URL_ });
    const person = new Person(name, context, await context.newPage());
    this.people.push(person);
    await person.page.goto(URL_);
    return person;
  }

  /** Somebody who has signed up. */
  async person(name, options) {
    const person = await this.window(name, options);
    await person.signUp();
    return person;
  }

  /** Somebody who has signed up and was given a role. */
  async staff(name, role) {
    const person = await this.person(name);
    // Only who is connected is told.
    await person.connected;
    await cli("user", "set-role", name, role);
    await person.page.getByText("Your role has changed. Sign in again.").waitFor();
    await person.signIn();
    return person;
  }

  /** What no page may have done: errors in the console, exceptions, breaches of the content policy. */
  assertQuiet() {
    for (const { name, complaints } of this.people) assert.deepEqual(complaints, [], `${name}'s browser complains`);
  }
}

export class Person {
  complaints = [];

  constructor(name, context, page) {
    this.name = name;
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(PATIENCE);
    this.connected = new Promise((resolve) => {
      page.on("websocket", (socket) =>
        socket.on("framereceived", ({ payload }) => {
          if (/"session:ready",.*"user_id":\d/.test(String(payload))) resolve();
        }),
      );
    });
    page.on("pageerror", (error) => this.complaints.push(`exception: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      // The browser itself reports what the server refuses, though the page expects and handles it.
      if (/^Failed to load resource: the server responded with a status of 4\d\d/.test(message.text())) return;
      this.complaints.push(`${message.type()}: ${message.text()}`);
    });
  }

  async signUp(code) {
    const { page } = this;
    const form = page.getByRole("form", { name: "Sign up" });
    await form.getByLabel("Name").fill(this.name);
    await form.getByLabel("Sign-up code").fill(code ?? (await signupCode()));
    await form.getByRole("button", { name: "Sign up" }).click();
    const key = page.getByRole("dialog", { name: "Your account key" });
    this.accountKey = await key.locator("#account-key").textContent();
    await key.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("heading", { name: `Hello, ${this.name}.` }).waitFor();
  }

  async signIn(name = this.name, key = this.accountKey) {
    const { page } = this;
    const form = page.getByRole("form", { name: "Sign in" });
    await form.getByLabel("Name").fill(name);
    await form.getByLabel("Account key or login code").fill(key);
    await form.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: `Hello, ${name}.` }).waitFor();
  }

  /** Another tab of the same browser. */
  async tab(url) {
    const tab = new Person(this.name, this.context, await this.context.newPage());
    tab.complaints = this.complaints;
    await tab.page.goto(url);
    return tab;
  }

  /** The message with this text, as it is shown. */
  message(text) {
    return this.page.getByRole("article").filter({ has: this.page.getByText(text, { exact: true }) });
  }

  async reads(text) {
    await this.message(text).waitFor();
  }

  async says(text) {
    await this.page.getByRole("textbox", { name: "Message" }).fill(text);
    await this.page.keyboard.press("Enter");
    await this.message(text).getByText("sent", { exact: true }).waitFor();
  }

  /** The chat is open and its key is here. */
  async isIn(title) {
    await this.page.getByRole("heading", { level: 1, name: title }).waitFor();
    await this.page.getByText(/^Encrypted · epoch \d+$/).waitFor();
  }

  async epoch() {
    return Number(/epoch (\d+)/.exec(await this.page.locator(".lock").textContent())[1]);
  }

  async follow(link) {
    await this.page.goto(link);
    await this.page.getByRole("button", { name: "Join the chat" }).click();
  }

  /** Chooses in the menu of a message. */
  async onMessage(text, entry) {
    const message = this.message(text);
    await message.hover();
    await message.getByRole("button", { name: "More about this message" }).click();
    await this.page.getByRole("dialog").getByRole("button", { name: entry }).click();
  }

  async confirms(action) {
    await this.page.getByRole("dialog").getByRole("button", { name: action, exact: true }).click();
  }

  /** Has a PRIVATE chat; answers its address. */
  async makesChat(name) {
    const { page } = this;
    await page.getByRole("link", { name: "New chat" }).click();
    await page.getByLabel("Name").fill(name);
    await page.getByRole("button", { name: "Make the chat" }).click();
    await this.isIn(name);
    return page.url();
  }

  /** What is in the clipboard after this, which was not there before. */
  async copies(work) {
    const read = () => this.page.evaluate(() => navigator.clipboard.readText());
    const before = await read();
    await work();
    for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
      const now = await read();
      if (now && now !== before) return now;
      await this.page.waitForTimeout(50);
    }
    throw new Error("nothing was copied");
  }

  /** Makes an invite to the chat that is open; answers the link, as it was copied. */
  async invites() {
    const { page } = this;
    await page.getByRole("button", { name: "Chat settings" }).click();
    const dialog = page.getByRole("dialog", { name: "Chat settings" });
    const link = await this.copies(() => dialog.getByRole("button", { name: "Make an invite" }).click());
    await dialog.getByRole("button", { name: "Close" }).click();
    return link;
  }
}
