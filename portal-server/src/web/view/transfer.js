// Giving a chat to somebody else: the offer, and accepting it.

import { get, post } from "../api.js";
import { confirm, dialog, doing, field, form, h, select, toast } from "../dom.js";
import { chatType, moment } from "../words.js";
import { everybody } from "./people.js";

/** Offers the chat that is open to somebody who is in it. */
export function offer(room) {
  const others = everybody(room).filter((one) => one.id !== room.me.id && !one.isOwner);
  return dialog("Give this chat to somebody", (close) => {
    const about = h(
      "p",
      {},
      "They are asked, and have seven days to accept. Until then nothing changes; offering it to somebody else takes the place of an earlier offer. When they accept, the chat is theirs, a new key is made, and you stay as a member.",
    );
    if (others.length === 0)
      return [about, h("p", { class: "notice" }, "Nobody else is here. Whoever should have it comes in first.")];
    return form(
      {},
      [
        about,
        field(
          "To whom",
          select(
            others.map(({ id, username }) => [String(id), username]),
            String(others[0].id),
            { name: "user" },
          ),
          "Who could make such a chat: that takes premium, or for an official chat an admin.",
        ),
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", onclick: () => close() }, "Cancel"),
          h("button", { class: "primary" }, "Offer it"),
        ),
      ],
      async ({ user }) => {
        const { expires_at: until } = await room.act("transfer", { user_id: Number(user) });
        close();
        toast(`Offered to ${room.nameOf(Number(user))}, until ${moment(until)}.`);
      },
    );
  });
}

/** `#/offered/ID`: a chat that is offered to this person. */
export function offered({ client, main, argument, go }) {
  const id = Number(argument);
  const page = h("div", { class: "page" }, h("h1", {}, "A chat is offered to you"));
  main.append(page);
  let shown;
  const update = () => {
    const found = client.offers.find(({ chat_id: chat }) => chat === id);
    if (found?.expires_at === shown && shown !== undefined) return;
    shown = found?.expires_at;
    page.replaceChildren(page.firstChild, ...(found ? standing(found) : [none()]));
  };
  const none = () => h("p", { class: "notice" }, "No such offer stands: it was accepted, replaced, or ran out.");
  const standing = (one) => {
    const from = h("span", {}, "its owner");
    if (one.owner)
      get(`users/${one.owner}`).then(
        ({ username }) => (from.textContent = username),
        () => {},
      );
    const accept = h("button", { type: "button", class: "primary" }, "Accept it");
    accept.addEventListener("click", () =>
      doing(accept, async () => {
        const text = "You decide then what happens there, and answer for it. A new key is made.";
        if (!(await confirm(`Take over "${one.name}"?`, text, "Take it over"))) return;
        await post(`portal/chats/${id}/transfer/accept`);
        await client.reload();
        toast("The chat is yours.");
        go(`#/chat/${id}`);
      }),
    );
    return [
      h(
        "section",
        { class: "card", "aria-labelledby": "offered-name" },
        h("h2", { id: "offered-name" }, one.name),
        h("p", { class: "quiet" }, `${chatType(one.chat_type)} · `, from, " gives it away"),
        h(
          "p",
          {},
          `It becomes yours when you accept, until ${moment(one.expires_at)}. If you do not want it, do nothing: the offer runs out by then.`,
        ),
        h("div", { class: "actions" }, accept),
      ),
    ];
  };
  update();
  return client.on("chats", update);
}
