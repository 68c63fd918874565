// An admin's look into a chat. Into others' PRIVATE chat it takes a reason, which is audited; then rows are read,
// never what they say.

import { get, post } from "../../api.js";
import { confirm, field, form, h, toast } from "../../dom.js";
import { isStaff, mayActOn, rights } from "../../rights.js";
import { chatType, moment, system, trouble } from "../../words.js";
import { heldList } from "../held.js";
import { moderate } from "../people.js";
import { action, listing, row, section } from "../rows.js";
import { personLink, staffPage, writeQuery } from "./frame.js";

const PAGE = 50;

/** Why one looks, before anything is shown. */
function asking(id, show) {
  return section(
    "Why do you look?",
    h(
      "p",
      {},
      "This is others' private chat. Your reason is written down in the audit log, with your name. Then you can look for an hour: who is there and who wrote when. What they wrote stays encrypted; only a report shows it.",
    ),
    form(
      {},
      [
        field("Reason", h("input", { name: "reason", required: true, maxlength: 500, autocomplete: "off" })),
        h("div", { class: "actions" }, h("button", { class: "primary" }, "Look into it")),
      ],
      async ({ reason }) => {
        await post(`portal/chats/${id}/inspect`, { reason: reason.trim() });
        await show();
      },
    ),
  );
}

function people(room, list) {
  const element = h("ul", { class: "rows" });
  for (const one of [list.owner, ...list.members].filter(Boolean)) {
    const other = { id: one.user_id, username: one.username, role: one.role };
    const may = room.rights.moderate && mayActOn(room.me, room.chat, other);
    const about = [one.user_id === room.chat.owner ? "owner" : "member", one.role !== "user" && one.role];
    element.append(
      row(
        personLink(one.user_id, one.username),
        [about.filter(Boolean).join(" · ")],
        may ? action("Moderate", () => moderate(room, other)) : "",
      ),
    );
  }
  return element;
}

/** What was written there, as rows. */
function history(id) {
  const entry = (one) => {
    if (one.kind === "system") return row(system(one), [moment(one.created_at)]);
    if (!one.sender) return row("A message that is damaged", []);
    return row(personLink(one.sender.id, one.sender.username), [
      `message ${one.id} · ${moment(one.created_at)} · encrypted, epoch ${one.epoch}`,
    ]);
  };
  const read = async (last) =>
    (await get(`portal/chats/${id}/history?${writeQuery({ limit: PAGE, before: last?.id })}`)).messages;
  return listing(read, entry, "Nothing has been said.", PAGE).element;
}

export function inspect(page) {
  const { client, argument, go } = page;
  const id = Number(argument);
  const body = h("div", {}, h("p", { class: "quiet" }, "Looking ..."));
  const act = (what, given = {}) => post(`portal/chats/${id}/${what}`, given);

  const shown = async (chat) => {
    const list = await get(`portal/chats/${id}/members?limit=500`).catch((error) => {
      if (error.code === "ERR_FORBIDDEN") return { owner: null, members: [] };
      throw error;
    });
    const { me } = client;
    const owner = list.owner && { id: list.owner.user_id, role: list.owner.role };
    const may = rights(me, chat, owner);
    const room = { me, chat, rights: may, act, loadMembers: () => show() };
    const sure = (title, text, label, work) =>
      action(
        label,
        async () => {
          if (await confirm(title, text, label)) await work();
        },
        "danger",
      );
    const about = [chatType(chat.chat_type), chat.slug && `/${chat.slug}`, `since ${moment(chat.created_at)}`];
    return [
      h("p", { class: "quiet" }, [...about, chat.description].filter(Boolean).join(" · ")),
      h(
        "div",
        { class: "actions" },
        chat.chat_type !== "PRIVATE" && h("a", { class: "button", href: `#/chat/${id}` }, "Open the chat"),
        h("a", { class: "button", href: `#/staff/audit?${writeQuery({ chat_id: id })}` }, "What was done there"),
        h(
          "a",
          { class: "button", href: `#/staff/reports?${writeQuery({ chat_id: id, state: "all" })}` },
          "Reports from there",
        ),
        may.moderate &&
          sure("Clear the chat?", "Every message goes, for everybody.", "Clear the chat", async () => {
            await act("clear");
            await show();
          }),
        may.destroy &&
          sure("Destroy this chat?", `"${chat.name}" goes for good.`, "Destroy the chat", async () => {
            await act("delete");
            toast("It is gone.");
            go("#/staff");
          }),
      ),
      section("Who belongs there", people(room, list)),
      may.moderate ? section("Muted and banned", heldList({ id, me, chat, act }).element) : "",
      section("Messages", h("p", { class: "quiet" }, "Who wrote when. What they say is encrypted."), history(id)),
    ];
  };
  const show = async () => {
    const heading = body.parentNode.querySelector("h1");
    try {
      const chat = await get(`portal/chats/${id}`);
      heading.textContent = chat.name;
      body.replaceChildren(...(await shown(chat)));
    } catch (error) {
      body.replaceChildren(
        error.code === "ERR_REASON_REQUIRED"
          ? asking(id, show)
          : h("p", { class: "notice bad", role: "alert" }, trouble(error)),
      );
    }
  };
  if (staffPage(page, `Chat ${id}`, isStaff, body)) show();
}
