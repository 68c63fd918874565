// The open chats, and the ways into a chat from outside: its address, or an invite.

import { get, post } from "../api.js";
import { avatar, doing, h } from "../dom.js";
import { chatType, trouble } from "../words.js";

function entry(chat) {
  const about = [chatType(chat.chat_type), chat.label, chat.viewer_count > 0 && `${chat.viewer_count} here`]
    .filter(Boolean)
    .join(" · ");
  return h(
    "li",
    {},
    h(
      "a",
      { class: "listed", href: `#/chat/${chat.id}` },
      avatar(chat.name, chat.id),
      h(
        "span",
        { class: "about" },
        h("span", { class: "name" }, chat.name),
        h("small", {}, about),
        chat.description && h("span", { class: "description" }, chat.description),
      ),
    ),
  );
}

export function directory({ client, main }) {
  const list = h("ul", { class: "directory" });
  const state = h("p", { class: "quiet", role: "status" }, "Looking ...");
  const more = h("button", { type: "button", hidden: true }, "Show more");
  let cursor = "";
  const next = () =>
    doing(
      more,
      async () => {
        const page = await get(`portal/directory?limit=30${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
        list.append(...page.chats.map(entry));
        cursor = page.next ?? "";
        more.hidden = !cursor;
        state.textContent = list.childElementCount ? "" : "There are no open chats yet.";
      },
      (text) => (state.textContent = text),
    );
  more.addEventListener("click", next);
  main.append(
    h(
      "div",
      { class: "page" },
      h("h1", {}, "Open chats"),
      h(
        "p",
        { class: "quiet" },
        client.me ? "Anybody may come in and talk." : "Anybody may look in. Sign in to read and talk.",
      ),
      list,
      state,
      h("p", { class: "actions" }, more),
    ),
  );
  next();
}

/** `#/c/SLUG`: an open chat by its address. */
export function bySlug({ main, argument, go }) {
  const state = h("p", { class: "quiet", role: "status" }, "Looking ...");
  main.append(h("div", { class: "page" }, h("h1", {}, `/${argument}`), state));
  post(`portal/resolve/${argument}`).then(
    ({ chat_id: id }) => {
      history.replaceState(null, "", `#/chat/${id}`);
      go(`#/chat/${id}`);
    },
    (error) => {
      state.textContent =
        error.code === "ERR_INVITE_INVALID" ? "There is no open chat at this address." : trouble(error);
    },
  );
}

/** `#/join/CODE`: an invite. It spends a use, so a person says so first. */
export function invitation({ client, main, argument, go }) {
  const join = h("button", { type: "button", class: "primary" }, "Join the chat");
  const state = h("p", { class: "notice bad", role: "alert", hidden: true });
  join.addEventListener("click", () =>
    doing(
      join,
      async () => {
        const { chat_id: id } = await post(`portal/resolve/${argument}`);
        await client.reload();
        history.replaceState(null, "", `#/chat/${id}`);
        go(`#/chat/${id}`);
      },
      (text) => {
        state.textContent = text;
        state.hidden = false;
      },
    ),
  );
  main.append(
    h(
      "div",
      { class: "page" },
      h("h1", {}, "You are invited"),
      h(
        "p",
        {},
        `Somebody gave you a way into a private chat. You join as ${client.me.username}; its members see that name.`,
      ),
      state,
      h("p", { class: "actions" }, join),
    ),
  );
  join.focus();
}
