// What owners do with their chats: whom they keep out, what they read of it, and giving a chat away.

import { after, before } from "node:test";

import { examine } from "./examine.js";
import { cli, URL_, World } from "./world.js";

const world = new World();
const { step } = world;
let wilma;
let xaver;
let room;

before(() => world.open());
after(() => world.close());

async function chooses(person, entry) {
  await person.page.setViewportSize({ width: 1280, height: 800 });
  await person.page.getByRole("button", { name: "More", exact: true }).click();
  await person.page.getByRole("dialog").getByRole("button", { name: entry }).click();
}

async function closes(person) {
  await person.page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await person.page.getByRole("dialog").waitFor({ state: "detached" });
}

const doesTo = async (act) => {
  await wilma.page.getByRole("dialog").getByLabel("What").selectOption(act);
  await wilma.page.getByRole("dialog").getByLabel("Reason").fill("Quarrels");
  await wilma.confirms("Do it");
  await wilma.page.getByRole("dialog").waitFor({ state: "detached" });
};

step("an owner and a member talk in a private chat", async () => {
  wilma = await world.person("wilma");
  xaver = await world.person("xaver");
  await cli("user", "set-tier", "wilma", "premium");
  room = await wilma.makesChat("The allotment");
  await xaver.follow(await wilma.invites());
  await xaver.isIn("The allotment");
  await xaver.says("Good morning");
  await wilma.reads("Good morning");
});

step("who is muted is in the owner's list, and is let go there, spec 7.1", async () => {
  await wilma.onMessage("Good morning", "Moderate xaver");
  await doesTo("mute");
  await xaver.page.getByText(/^You are muted until/).waitFor();
  await chooses(wilma, "Muted and banned");
  await wilma.page.getByText(/^Muted · since/).waitFor();
  await wilma.page.getByText("“Quarrels”").waitFor();
  await examine(wilma, "dialog-held");
  await wilma.page.getByRole("button", { name: "Lift the mute" }).click();
  await wilma.page.getByText("Nobody is muted or banned here.").waitFor();
  await xaver.page.getByText(/^You are muted until/).waitFor({ state: "detached" });
  await closes(wilma);
});

step("who is banned stays out until the ban is lifted, spec 7.1", async () => {
  const invite = await wilma.invites();
  await wilma.onMessage("Good morning", "Moderate xaver");
  await doesTo("ban");
  await xaver.page.getByText("You are banned from this chat.").waitFor();
  await xaver.follow(invite);
  await xaver.page.getByRole("alert").getByText("You are banned here.").waitFor();
  await chooses(wilma, "Muted and banned");
  await wilma.page.getByRole("button", { name: "Lift the ban" }).click();
  await wilma.page.getByText("Nobody is muted or banned here.").waitFor();
  await closes(wilma);
  await xaver.page.getByRole("button", { name: "Join the chat" }).click();
  await xaver.isIn("The allotment");
  await xaver.says("Back again");
  await wilma.reads("Back again");
});

step("the owner reads who came and went, spec 10.4", async () => {
  await chooses(wilma, "Who came and went");
  await wilma.page.getByText("xaver came in").first().waitFor();
  await wilma.page.getByText("xaver was banned").waitFor();
  await examine(wilma, "dialog-activity");
  await closes(wilma);
});

step("a chat is given only to somebody who could have made it, spec 3.7", async () => {
  await chooses(wilma, "Give it to somebody");
  const dialog = wilma.page.getByRole("dialog", { name: "Give this chat to somebody" });
  await dialog.getByLabel("To whom").selectOption({ label: "xaver" });
  await examine(wilma, "dialog-transfer");
  await dialog.getByRole("button", { name: "Offer it" }).click();
  await dialog.getByRole("alert").getByText("The chat's owner needs premium now.").waitFor();
  await cli("user", "set-tier", "xaver", "premium");
  await dialog.getByRole("button", { name: "Offer it" }).click();
  await wilma.page.getByText(/^Offered to xaver, until/).waitFor();
});

step("the other sees the offer, accepts it, and the former owner stays as a member, spec 3.7", async () => {
  await xaver.page.getByText("A chat is offered to you. It is in your list.").waitFor();
  const epoch = await wilma.epoch();
  await xaver.page.getByRole("link", { name: /Offered to you/ }).click();
  await xaver.page.getByText("wilma gives it away").waitFor();
  await examine(xaver, "offered");
  await xaver.page.setViewportSize({ width: 1280, height: 800 });
  await xaver.page.getByRole("button", { name: "Accept it" }).click();
  await xaver.confirms("Take it over");
  await xaver.isIn("The allotment");
  await xaver.page.getByRole("button", { name: "Chat settings" }).waitFor();
  await xaver.page.getByRole("link", { name: /Offered to you/ }).waitFor({ state: "detached" });
  await wilma.page.getByText("xaver owns this chat now.").waitFor();
  await wilma.page.getByText("The chat has a new owner. New messages use a new key").waitFor();
  await wilma.page.getByText(`Encrypted · epoch ${epoch + 1}`, { exact: true }).waitFor();
  // What is the owner's alone is not offered to the former one any more; leaving is.
  await wilma.page.getByRole("button", { name: "Chat settings" }).waitFor({ state: "hidden" });
  await wilma.page.getByRole("button", { name: "More", exact: true }).click();
  const menu = wilma.page.getByRole("dialog");
  await menu.getByRole("button", { name: "Leave the chat" }).waitFor();
  for (const gone of ["Give it to somebody", "Muted and banned", "Destroy the chat"])
    await menu.getByRole("button", { name: gone }).waitFor({ state: "detached" });
  await closes(wilma);
  await wilma.says("Look after it well");
  await xaver.reads("Look after it well");
});

step("an offer that does not stand is said to be none", async () => {
  await wilma.page.goto(`${URL_}/#/offered/${room.split("/").at(-1)}`);
  await wilma.page.getByText("No such offer stands").waitFor();
});

step("people see in their account what was done to them, spec 7.5", async () => {
  await xaver.page.goto(`${URL_}/#/account`);
  const card = xaver.page.getByRole("region", { name: "Warnings and the like" });
  await card.getByText("Banned", { exact: true }).waitFor();
  await card.getByText("“Quarrels”").first().waitFor();
  const [download] = await Promise.all([
    xaver.page.waitForEvent("download"),
    xaver.page.getByRole("link", { name: "Download it" }).click(),
  ]);
  if (download.suggestedFilename() !== "portal-xaver.json") throw new Error(download.suggestedFilename());
  await examine(xaver, "account-with-past");
});

step("no console has an error, and no policy was broken", () => world.assertQuiet());
