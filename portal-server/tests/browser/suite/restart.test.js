// The server stops and starts again under open pages, with its limits on: a server and a file of this test's own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";

const folder = await mkdtemp(join(tmpdir(), "portal-"));
process.env.PORTAL_FILE = join(folder, "portal.db");
let server;

async function start(port) {
  const words = ["--db", process.env.PORTAL_FILE, "--listen", `127.0.0.1:${port}`, "--log", "error"];
  server = spawn(process.env.PORTAL_SERVER, words, { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  const ended = once(server, "exit").then(([code]) => Promise.reject(new Error(`the server ended with ${code}`)));
  for (;;) {
    const [text] = await Promise.race([once(server.stdout, "data"), ended]);
    printed += text;
    const found = /listens on (http:\S+:(\d+))\n/.exec(printed);
    // What else it prints is not of interest.
    if (found) {
      server.stdout.resume();
      return { url: found[1], port: found[2] };
    }
  }
}

async function stop() {
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
}

const { url, port } = await start(0);
process.env.PORTAL_URL = url;
const { cli, World } = await import("./world.js");
const world = new World();
const { step } = world;
let alice;
let bob;

before(() => world.open());
after(async () => {
  await world.close();
  server.kill("SIGTERM");
  await rm(folder, { recursive: true });
});

step("two people talk", async () => {
  alice = await world.person("alice");
  bob = await world.person("bob");
  await cli("user", "set-tier", "alice", "premium");
  await alice.makesChat("Our corner");
  await bob.follow(await alice.invites());
  await bob.isIn("Our corner");
  await bob.says("Before");
  await alice.reads("Before");
});

step("the server stops, and both pages say so", async () => {
  await stop();
  for (const { page } of [alice, bob]) await page.getByText(/^No connection\. Next try in/).waitFor();
  await alice.page.getByRole("textbox", { name: "Message" }).fill("Written meanwhile");
  await alice.page.keyboard.press("Enter");
  await alice.message("Written meanwhile").getByText("Waiting for the connection ...").waitFor();
});

step("it starts again, and they go on where they were", async () => {
  await start(port);
  await alice.message("Written meanwhile").getByText("sent", { exact: true }).waitFor({ timeout: 40_000 });
  await bob.page.getByText(/^Encrypted · epoch \d+$/).waitFor({ timeout: 40_000 });
  await bob.reads("Written meanwhile");
  await bob.says("After");
  await alice.reads("After");
  for (const person of [alice, bob]) {
    assert.equal(await person.message("Before").count(), 1);
    assert.equal(await person.message("Written meanwhile").count(), 1);
  }
});
