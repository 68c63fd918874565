// The story: two people, a room, a match, and what happens to them.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { cli, URL_, World } from "./world.js";

const world = new World();
const { step } = world;
let alice;
let bob;
let room;

before(() => world.open());
after(() => world.close());

step("two people sign up with codes, each in a window of their own", async () => {
  alice = await world.person("alice");
  bob = await world.person("bob");
  assert.match(alice.accountKey, /^[A-Za-z0-9-]{24,40}$/);
  await cli("user", "set-tier", "alice", "premium");
});

step("one makes a PRIVATE chat, the other becomes a member by invite link", async () => {
  room = await alice.makesChat("Our corner");
  const link = await alice.invites();
  assert.match(link, new RegExp(`^${URL_}/#/join/[a-z0-9]{16}$`));
  await bob.follow(link);
  await bob.isIn("Our corner");
});

step("what they write is read by the other, end to end encrypted", async () => {
  await alice.says("Hello Bob, can you read this?");
  await bob.reads("Hello Bob, can you read this?");
  await bob.says("Every word of it.");
  await alice.reads("Every word of it.");
  const { messages } = await bob.page.evaluate(
    async (id) => (await fetch(`/v1/portal/chats/${id}/history`)).json(),
    room.split("/").at(-1),
  );
  const envelopes = messages.filter(({ kind }) => kind === "user").map(({ content }) => JSON.parse(content));
  assert.equal(envelopes.length, 2);
  for (const envelope of envelopes) assert.deepEqual([envelope.v, Object.keys(envelope).join()], [3, "v,epoch,ct"]);
});

step("both see the same digits when they compare keys", async () => {
  const digits = async (person, other) => {
    await person.page.getByRole("button", { name: "People" }).click();
    await person.page.getByRole("dialog").getByRole("button", { name: "Compare keys" }).click();
    const shown = await person.page.getByRole("listitem").filter({ hasText: other }).locator(".digits").textContent();
    await person.page.keyboard.press("Escape");
    return shown;
  };
  const seen = await digits(alice, "bob");
  assert.match(seen, /^(\d{5} ){11}\d{5}$/);
  assert.equal(await digits(bob, "alice"), seen);
});

step("typing is shown to the other", async () => {
  const text = bob.page.getByRole("textbox", { name: "Message" });
  let isShown = false;
  const shown = alice.page
    .getByText("bob is typing ...")
    .waitFor()
    .finally(() => (isShown = true));
  while (!isShown) await text.press("m");
  await shown;
  await text.fill("");
});

step("markup in a message is text", async () => {
  const markup = "<img src=x onerror=\"document.title='taken'\"> <script>1</script> <b>bold</b>";
  await bob.says(markup);
  await alice.reads(markup);
  assert.equal(await alice.page.locator("main img, main script, main b").count(), 0);
  assert.doesNotMatch(await alice.page.title(), /taken/);
});

step("a reload goes on with the same keys", async () => {
  const epoch = await bob.epoch();
  await bob.page.reload();
  await bob.isIn("Our corner");
  await bob.reads("Hello Bob, can you read this?");
  assert.equal(await bob.epoch(), epoch);
  await alice.says("Still there?");
  await bob.reads("Still there?");
  await bob.says("Still here.");
  await alice.reads("Still here.");
});

step("two tabs of one session share its keys, and get the next one", async () => {
  const tab = await bob.tab(bob.page.url());
  await tab.isIn("Our corner");
  await tab.reads("Still there?");
  await tab.says("From the other tab");
  await alice.reads("From the other tab");
  await bob.reads("From the other tab");
  const epoch = await alice.epoch();
  await alice.page.getByRole("button", { name: "More", exact: true }).click();
  await alice.page.getByRole("dialog").getByRole("button", { name: "Clear the chat" }).click();
  await alice.confirms("Clear it");
  for (const person of [alice, bob, tab])
    await person.page.getByText(`Encrypted · epoch ${epoch + 1}`, { exact: true }).waitFor();
  await alice.says("Tabula rasa");
  await bob.reads("Tabula rasa");
  await tab.reads("Tabula rasa");
  await tab.page.close();
  await bob.says("Still here.");
  await alice.reads("Still here.");
});

step("a lost connection comes back by itself, and what was said meanwhile is there", async () => {
  await bob.context.setOffline(true);
  await bob.page.getByText("You are offline. Messages wait here.").waitFor();
  await bob.page.getByRole("textbox", { name: "Message" }).fill("Written in a tunnel");
  await bob.page.keyboard.press("Enter");
  await bob.message("Written in a tunnel").getByText("Waiting for the connection ...").waitFor();
  await alice.says("Are you in a tunnel?");
  await bob.context.setOffline(false);
  await bob.reads("Are you in a tunnel?");
  await bob.message("Written in a tunnel").getByText("sent", { exact: true }).waitFor();
  await alice.reads("Written in a tunnel");
  assert.equal(await alice.message("Written in a tunnel").count(), 1);
});

step("a reported message is proven to say what it says", async () => {
  await bob.says("Something nasty");
  await alice.reads("Something nasty");
  await alice.onMessage("Something nasty", "Report");
  const dialog = alice.page.getByRole("dialog", { name: "Report this message" });
  await dialog.getByLabel("What is wrong with it").fill("It is nasty.");
  await dialog.getByRole("button", { name: "Report" }).click();
  await alice.page.getByText("Reported, with proof of what it says.").waitFor();
  const { rows } = await cli("report", "list");
  const report = await cli("report", "show", rows[0].id);
  assert.equal(report.plaintext, "Something nasty");
});

step("a deleted message is gone for both", async () => {
  await alice.onMessage("Something nasty", "Delete");
  await alice.confirms("Delete");
  await bob.message("Something nasty").waitFor({ state: "detached" });
  await alice.message("Something nasty").waitFor({ state: "detached" });
});

step("a mute says until when, and holds back the composer", async () => {
  await alice.onMessage("Still here.", "Moderate bob");
  await alice.confirms("Do it");
  await bob.page.getByText(/^You are muted until/).waitFor();
  assert.ok(await bob.page.getByRole("textbox", { name: "Message" }).isDisabled());
  await alice.onMessage("Still here.", "Moderate bob");
  await alice.page.getByRole("dialog").getByLabel("What").selectOption("unmute");
  await alice.confirms("Do it");
  await bob.page.getByText(/^You are muted until/).waitFor({ state: "detached" });
});

step("a kick moves the epoch, and the kicked one can read no more", async () => {
  const epoch = await alice.epoch();
  await alice.onMessage("Still here.", "Moderate bob");
  await alice.page.getByRole("dialog").getByLabel("What").selectOption("kick");
  await alice.confirms("Do it");
  await bob.page.getByText("You were removed from this chat.").waitFor();
  await alice.page.getByText(`Encrypted · epoch ${epoch + 1}`).waitFor();
  await alice.page.getByText("Somebody was removed. New messages use a new key").waitFor();
  await alice.says("Now that he is gone");
  assert.equal(await bob.message("Now that he is gone").count(), 0);
  const status = await bob.page.evaluate(
    async (id) => (await fetch(`/v1/portal/chats/${id}/history`)).status,
    room.split("/").at(-1),
  );
  assert.equal(status, 404);
  await bob.page.reload();
  await bob.page.getByRole("heading", { name: "This chat is not here." }).waitFor();
});

step("two who share an interest are matched and talk", async () => {
  for (const [person, interests] of [
    [alice, "chess, music"],
    [bob, "music"],
  ]) {
    await person.page.getByRole("link", { name: "Meet somebody" }).first().click();
    await person.page.getByLabel("What would you like to talk about?").fill(interests);
    await person.page.getByRole("button", { name: "Find somebody" }).click();
    if (person === alice) await alice.page.getByText("Looking for somebody who shares this:").waitFor();
  }
  await alice.isIn("bob");
  await bob.isIn("alice");
  await bob.page.getByText("You share: music").waitFor();
  await alice.says("You too?");
  await bob.reads("You too?");
  await bob.says("Since I was six.");
  await alice.reads("Since I was six.");
});

step("who is away is shown with the time that is left, and so is who came back", async () => {
  await bob.context.setOffline(true);
  await alice.page.getByText(/^bob is away\. If they do not come back within \d+ s, the chat ends\.$/).waitFor();
  await bob.context.setOffline(false);
  await alice.page.getByText(/^bob is away/).waitFor({ state: "detached" });
  await bob.says("Back.");
  await alice.reads("Back.");
});

step("one leaves, and the other sees it", async () => {
  await bob.page.getByRole("button", { name: "More", exact: true }).click();
  await bob.page.getByRole("dialog").getByRole("button", { name: "Leave the chat" }).click();
  await bob.confirms("Leave");
  await alice.page.getByText("Your match has left. The chat and its keys are gone.").waitFor();
  await alice.page.getByRole("link", { name: "Meet somebody else" }).click();
  await alice.page.getByLabel("What would you like to talk about?").waitFor();
});

step("a visitor without a name comes in and is matched", async () => {
  const visitor = await world.window("visitor");
  await visitor.page.getByRole("button", { name: "Come in without a name" }).click();
  await visitor.page.getByLabel("What would you like to talk about?").fill("gardens");
  await visitor.page.getByRole("button", { name: "Find somebody" }).click();
  await visitor.page.getByText("Looking for somebody who shares this:").waitFor();
  await alice.page.getByLabel("What would you like to talk about?").fill("gardens");
  await alice.page.getByRole("button", { name: "Find somebody" }).click();
  const name = await visitor.page.locator(".who .name").textContent();
  await alice.isIn(name);
  await visitor.isIn("alice");
  await visitor.says("Roses");
  await alice.reads("Roses");
});

step("a browser that cannot store such keys keeps them wrapped, and goes on after a reload", async () => {
  const carol = await world.window("carol");
  await carol.context.addInitScript(() => {
    const clone = globalThis.structuredClone;
    globalThis.structuredClone = (value, options) => {
      if (value instanceof CryptoKey && value.algorithm.name === "X25519")
        throw new DOMException("Unable to deserialize data", "DataCloneError");
      return clone(value, options);
    };
  });
  await carol.page.reload();
  await carol.signUp();
  const address = await alice.page.evaluate(() => location.href);
  await alice.page.goto(room);
  await carol.follow(await alice.invites());
  await carol.isIn("Our corner");
  await alice.says("Another browser");
  await carol.reads("Another browser");
  const kept = await carol.page.evaluate(async () => {
    const { pair } = await (await import("/web/store.js")).read("own", "pair");
    return [Object.keys(pair).sort().join(), pair.wrapping.extractable];
  });
  assert.deepEqual(kept, ["iv,publicKey,wrapped,wrapping", false]);
  const before = await carol.epoch();
  await carol.page.reload();
  await carol.isIn("Our corner");
  await carol.reads("Another browser");
  assert.equal(await carol.epoch(), before);
  // What comes is about who is alone with a key.
  await carol.page.goto("about:blank");
  await alice.page.goto(address);
});

step("the one-time link signs the owner in, and is not left in the address", async () => {
  const owner = await world.window("owner");
  await owner.page.goto(`${URL_}${process.env.PORTAL_SIGN_IN}`);
  await owner.page.getByRole("button", { name: "Sign in" }).click();
  await owner.page.getByRole("heading", { name: "Hello, owner." }).waitFor();
  assert.doesNotMatch(owner.page.url(), /signin/);
});

step("signing out wipes the keys, and the account key signs in again", async () => {
  await bob.page.goto(`${URL_}/#/account`);
  await bob.page.getByRole("button", { name: "Sign out" }).click();
  await bob.confirms("Sign out");
  await bob.page.getByRole("heading", { name: "Talk in private." }).waitFor();
  const kept = await bob.page.evaluate(async () => {
    const { all } = await import("/web/store.js");
    return Promise.all(["own", "room_keys", "known", "read"].map(async (store) => (await all(store)).length));
  });
  assert.deepEqual(kept, [0, 0, 0, 0]);
  await bob.signIn();
});

step("whoever comes back without keys gets new ones, and sees what stays closed", async () => {
  await alice.page.goto(room);
  await alice.isIn("Our corner");
  const epoch = await alice.epoch();
  await alice.page.goto(`${URL_}/#/account`);
  await alice.page.getByRole("button", { name: "Sign out" }).click();
  await alice.confirms("Sign out");
  const form = alice.page.getByRole("form", { name: "Sign in" });
  await form.getByLabel("Name").fill("alice");
  await form.getByLabel("Account key or login code").fill(alice.accountKey);
  await form.getByRole("button", { name: "Sign in" }).click();
  await alice.page.getByRole("heading", { name: "Hello, alice." }).waitFor();
  await alice.page.goto(room);
  await alice.page.getByText(`Encrypted · epoch ${epoch + 1}`, { exact: true }).waitFor();
  await alice.page.getByText("Encrypted with a key that this browser does not have.").first().waitFor();
  await alice.says("A new leaf");
});

step("no console has an error, and no policy was broken", () => world.assertQuiet());
