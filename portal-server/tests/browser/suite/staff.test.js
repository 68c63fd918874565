// What staff do: reports, people, the audit log, a look into a private chat, the matcher, sign-up codes.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { examine } from "./examine.js";
import { cli, URL_, World } from "./world.js";

const world = new World();
const { step } = world;
let ada;
let mo;
let yara;
let zeno;
let chat;

before(() => world.open());
after(() => world.close());

const wide = (person) => person.page.setViewportSize({ width: 1280, height: 800 });

step("staff pages are for staff", async () => {
  yara = await world.person("yara");
  zeno = await world.person("zeno");
  await cli("user", "set-tier", "yara", "premium");
  assert.equal(await yara.page.getByRole("link", { name: "Staff" }).count(), 0);
  await yara.page.goto(`${URL_}/#/staff/reports`);
  await yara.page.getByText("This is for those who look after this server.").waitFor();
  await yara.page.goto(URL_);
});

step("nothing of the staff pages is loaded before it is wanted", async () => {
  ada = await world.staff("ada", "admin");
  await ada.page.reload();
  await ada.page.getByRole("link", { name: "Staff" }).waitFor();
  const loaded = () =>
    ada.page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .map(({ name }) => new URL(name).pathname)
        .filter((path) => path.includes("/staff/")),
    );
  assert.deepEqual(await loaded(), []);
  await ada.page.getByRole("link", { name: "Staff" }).click();
  await ada.page.getByRole("heading", { level: 1, name: "Staff" }).waitFor();
  assert.ok((await loaded()).length > 0);
});

step("a person is found by name", async () => {
  await ada.page.getByLabel("Name, or a part of it").fill("zen");
  await ada.page.getByRole("button", { name: "Find" }).click();
  await ada.page.getByRole("link", { name: "zeno" }).waitFor();
  await ada.page.getByRole("link", { name: "yara" }).waitFor({ state: "detached" });
  await examine(ada, "staff");
});

step("a report with its proof reaches an admin at once, spec 7.6", async () => {
  await wide(ada);
  await ada.page.getByRole("link", { name: "Reports" }).click();
  await ada.page.getByText("There are none.").waitFor();
  await yara.makesChat("Behind closed doors");
  chat = yara.page.url();
  await zeno.follow(await yara.invites());
  await zeno.isIn("Behind closed doors");
  await zeno.says("Something vile");
  await yara.reads("Something vile");
  await yara.onMessage("Something vile", "Report");
  const dialog = yara.page.getByRole("dialog", { name: "Report this message" });
  await dialog.getByLabel("What is wrong with it").fill("It is vile.");
  await dialog.getByRole("button", { name: "Report" }).click();
  await yara.page.getByText("Reported, with proof of what it says.").waitFor();
  await ada.page.getByRole("link", { name: "Message of zeno in Behind closed doors" }).waitFor();
  await examine(ada, "staff-reports");
  await wide(ada);
  await ada.page.getByRole("link", { name: "Message of zeno in Behind closed doors" }).click();
  await ada.page.getByText("Something vile", { exact: true }).waitFor();
  await ada.page.getByText("It is vile.").waitFor();
  await examine(ada, "staff-report");
});

step("an admin acts on the person from there, who is told why, spec 4.3", async () => {
  await wide(ada);
  await ada.page.getByRole("button", { name: "Act on zeno" }).click();
  await ada.page.getByRole("dialog", { name: "Act on zeno" }).waitFor();
  await examine(ada, "dialog-act");
  await wide(ada);
  await ada.page.getByRole("dialog").getByLabel("Reason").fill("Vile words");
  await ada.confirms("Do it");
  await zeno.page.getByRole("dialog", { name: "A warning from a moderator" }).getByText("Vile words").waitFor();
  await zeno.confirms("I have read this");
});

step("the report is settled with a note", async () => {
  await ada.page.getByLabel("State").selectOption("actioned");
  await ada.page.getByLabel("Note").fill("Warned. The first time.");
  await ada.page.getByRole("button", { name: "Save" }).click();
  await ada.page.getByText("Saved.").waitFor();
  await ada.page.getByText(/^Settled: something was done, since/).waitFor();
  assert.equal(await ada.page.getByLabel("Note").inputValue(), "Warned. The first time.");
  const settled = (await cli("report", "list")).rows.find(({ chat_name: name }) => name === "Behind closed doors");
  assert.deepEqual([settled.state, settled.note], ["actioned", "Warned. The first time."]);
  await ada.page.getByRole("link", { name: "Reports", exact: true }).click();
  await ada.page.getByRole("combobox", { name: "Show" }).waitFor();
  assert.equal(await ada.page.getByRole("link", { name: "Message of zeno in Behind closed doors" }).count(), 0);
  await ada.page.getByRole("combobox", { name: "Show" }).selectOption("actioned");
  await ada.page.getByRole("link", { name: "Message of zeno in Behind closed doors" }).waitFor();
});

step("a mute everywhere is seen at the person, and lifted there, spec 4.3", async () => {
  await ada.page.getByRole("link", { name: "Message of zeno in Behind closed doors" }).click();
  await ada.page.getByRole("link", { name: "About zeno" }).click();
  await ada.page.getByRole("button", { name: "Act on zeno" }).click();
  await ada.page.getByRole("dialog").getByLabel("What").selectOption("mute");
  await ada.page.getByRole("dialog").getByLabel("For how long").selectOption("3600");
  await ada.confirms("Do it");
  await zeno.page.getByText(/^You are muted until/).waitFor();
  await ada.page.getByText("Muted everywhere").waitFor();
  await examine(ada, "staff-person");
  await wide(ada);
  await ada.page.getByRole("button", { name: "Lift the mute" }).click();
  await zeno.page.getByText(/^You are muted until/).waitFor({ state: "detached" });
  await ada.page.getByRole("button", { name: "Lift the mute" }).waitFor({ state: "detached" });
});

step("an admin gives premium, and the person can make chats", async () => {
  await ada.page.getByRole("button", { name: "Give premium" }).click();
  await ada.confirms("Save");
  await ada.page.getByText(/premium until/).waitFor();
  await zeno.page.getByRole("link", { name: "New chat" }).click();
  await zeno.page.getByRole("heading", { name: "New chat" }).waitFor();
  assert.equal(await zeno.page.getByText("Making chats takes premium").count(), 0);
  await zeno.page.goBack();
});

step("a look into a private chat takes a reason, and shows no words, spec 4.5", async () => {
  const id = chat.split("/").at(-1);
  await ada.page.goto(`${URL_}/#/chat/${id}`);
  await ada.page.getByRole("link", { name: "Look into it as an admin" }).click();
  await ada.page.getByRole("heading", { name: "Why do you look?" }).waitFor();
  await examine(ada, "staff-inspect-why");
  await wide(ada);
  await ada.page.getByLabel("Reason").fill("The report of yara");
  await ada.page.getByRole("button", { name: "Look into it" }).click();
  await ada.page.getByRole("heading", { level: 1, name: "Behind closed doors" }).waitFor();
  await ada.page.getByText(/^message \d+ · .* · encrypted, epoch \d+$/).first().waitFor();
  assert.equal(await ada.page.getByText("Something vile").count(), 0);
  await examine(ada, "staff-inspect");
  await wide(ada);
  const members = ada.page.getByRole("region", { name: "Who belongs there" });
  await members.getByRole("listitem").filter({ hasText: "zeno" }).getByRole("button", { name: "Moderate" }).click();
  await ada.page.getByRole("dialog").getByLabel("What").selectOption("ban");
  await ada.confirms("Do it");
  await zeno.page.getByText("You are banned from this chat.").waitFor();
  await ada.page.getByRole("button", { name: "Lift the ban" }).click();
  await ada.page.getByText("Nobody is muted or banned here.").waitFor();
});

step("the audit log has it all, in pages, and finds by chat, person and action, spec 7.8", async () => {
  const id = chat.split("/").at(-1);
  const acts = ada.page.getByRole("region", { name: "Acts" });
  await ada.page.getByRole("link", { name: "What was done there" }).click();
  await acts.getByText("chat.inspect").waitFor();
  await acts.getByText("reason: The report of yara").waitFor();
  assert.equal(await ada.page.getByLabel("Number of the chat").inputValue(), id);
  await examine(ada, "staff-audit");
  await wide(ada);
  await ada.page.getByLabel("Action").fill("mod.");
  await ada.page.getByRole("button", { name: "Show", exact: true }).click();
  await acts.getByText("mod.ban").waitFor();
  await acts.getByText("chat.inspect").waitFor({ state: "detached" });
  await ada.page.getByRole("link", { name: "zeno" }).first().click();
  await ada.page.getByRole("link", { name: "What was done to them" }).click();
  await acts.getByText("mod.warn").waitFor();
  for (let number = 0; number < 51; number += 1) await cli("config", "set", "sends_per_user", 100 + number);
  await ada.page.getByRole("link", { name: "Show all" }).click();
  await acts.getByRole("listitem").nth(49).waitFor();
  assert.equal(await acts.getByRole("listitem").count(), 50);
  await acts.getByRole("button", { name: "Show more" }).click();
  await acts.getByRole("listitem").nth(50).waitFor();
});

step("a moderator pauses the matcher, and those who wait are told, spec 9.10a", async () => {
  mo = await world.staff("moritz", "moderator");
  await mo.page.getByRole("link", { name: "Staff" }).click();
  assert.equal(await mo.page.getByRole("link", { name: "Reports" }).count(), 0);
  await mo.page.getByRole("link", { name: "Matcher" }).click();
  await mo.page.getByText("At work").waitFor();
  await mo.page.getByRole("button", { name: "Pause it" }).click();
  await mo.confirms("Pause it");
  await mo.page.getByText("Paused: people wait, nobody is matched").waitFor();
  const stranger = await world.window("stranger");
  await stranger.page.getByRole("button", { name: "Come in without a name" }).click();
  await stranger.page.getByLabel("What would you like to talk about?").fill("lighthouses");
  await stranger.page.getByRole("button", { name: "Find somebody" }).click();
  await stranger.page.getByText(/paused/).waitFor();
  const name = await stranger.page.locator(".who .name").textContent();
  await mo.page.reload();
  await mo.page.getByText("lighthouses · 1").waitFor();
  await examine(mo, "staff-matcher");
  await wide(mo);
  // A stranger who misbehaves is not matched any more, spec 9.11.
  const row = mo.page.getByRole("listitem").filter({ hasText: name });
  await row.getByRole("button", { name: "Block" }).click();
  await mo.confirms("Block");
  await row.getByText(/^blocked/).waitFor();
  await stranger.page.getByText("You are not matched any more.").waitFor();
  await row.getByRole("button", { name: "Unblock" }).click();
  await row.getByRole("button", { name: "Block", exact: true }).waitFor();
  await mo.page.getByRole("button", { name: "Let it go on" }).click();
  await mo.page.getByText("At work").waitFor();
});

step("a moderator cannot act on whoever is above them", async () => {
  const { users } = await cli("user", "list");
  const { id } = users.find(({ username }) => username === "ada");
  await mo.page.goto(`${URL_}/#/staff/person/${id}`);
  await mo.page.getByText("This is for staff with a higher role than theirs.").waitFor();
  assert.equal(await mo.page.getByRole("button", { name: /^Act on/ }).count(), 0);
});

step("sign-up codes are made, used and revoked", async () => {
  await ada.page.getByRole("link", { name: "Sign-up codes" }).click();
  const code = await ada.copies(() => ada.page.getByRole("button", { name: "Make a code" }).click());
  await ada.page.getByText(code, { exact: true }).waitFor();
  await examine(ada, "staff-codes");
  await wide(ada);
  const newcomer = await world.window("newcomer");
  await newcomer.signUp(code);
  const another = await ada.copies(() => ada.page.getByRole("button", { name: "Make a code" }).click());
  const row = ada.page.getByRole("listitem").filter({ hasText: another });
  await row.getByRole("button", { name: "Revoke" }).click();
  await ada.page.getByText("No code is good at the moment.").waitFor();
});

step("a timeout signs out at once and says why it is so, spec 1.5", async () => {
  await ada.page.getByRole("link", { name: "People and chats" }).click();
  await ada.page.getByRole("link", { name: "newcomer" }).click();
  await ada.page.getByRole("button", { name: "Act on newcomer" }).click();
  await ada.page.getByRole("dialog").getByLabel("What").selectOption("timeout");
  await ada.page.getByRole("dialog").getByLabel("For how long").selectOption("3600");
  await ada.confirms("Do it");
  const newcomer = world.people.find(({ name }) => name === "newcomer");
  await newcomer.page.getByText("This account is timed out.").waitFor();
  await ada.page.getByText(/timed out until/).waitFor();
  await ada.page.getByRole("button", { name: "Lift the timeout" }).click();
  await newcomer.signIn();
});

step("staff pages can be used by keyboard", async () => {
  const { page } = ada;
  await page.goto(`${URL_}/#/staff`);
  await page.getByLabel("Name, or a part of it").focus();
  await page.keyboard.type("yara");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "zeno" }).waitFor({ state: "detached" });
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "yara" }).waitFor();
});

step("no console has an error, and no policy was broken", () => world.assertQuiet());
