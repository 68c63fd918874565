// Meeting somebody who shares an interest.

import { get, post } from "../api.js";
import { avatar, doing, field, form, h, toast } from "../dom.js";
import { span } from "../words.js";

const WHY_NOT = {
  expired: "Nobody came in time. Try again, or with other interests.",
  blocked: "You are not matched any more.",
  timed_out: "Your account is timed out.",
  banned: "Your account is banned.",
};

export function match({ client, main }) {
  const page = h("div", { class: "page" });
  main.append(page);
  let ticking = 0;
  let shown = "";
  let draft = "";

  const asking = () => {
    const input = h("input", {
      name: "interests",
      required: true,
      maxlength: 60,
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      placeholder: "music, chess, rust",
      value: draft,
      oninput: () => (draft = input.value),
    });
    return form(
      { class: "card" },
      [
        field(
          "What would you like to talk about?",
          input,
          "One to three interests, each of 3 to 12 small letters or digits.",
        ),
        h("div", { class: "actions" }, h("button", { class: "primary" }, "Find somebody")),
      ],
      async ({ interests }) => {
        const wanted = interests
          .toLowerCase()
          .split(/[^a-z0-9]+/)
          .filter(Boolean);
        // Whoever waits has to be there to be found.
        await client.connected();
        await post("portal/match", { interests: [...new Set(wanted)] });
        await client.reload();
      },
    );
  };

  const waiting = () => {
    const { interests, paused, since } = client.match;
    const stop = h("button", { type: "button" }, "Stop waiting");
    stop.addEventListener("click", () =>
      doing(stop, async () => {
        await post("portal/match/dequeue");
        await client.reload();
      }),
    );
    const time = h("span", {});
    const tell = () => (time.textContent = span(Date.now() - (since ?? Date.now())));
    tell();
    ticking = setInterval(tell, 1000);
    return h(
      "section",
      { class: "card waiting" },
      h("div", { class: "pulse", "aria-hidden": "true" }),
      h(
        "p",
        { role: "status" },
        paused ? "The matcher is paused. You keep your place." : "Looking for somebody who shares this:",
      ),
      h(
        "ul",
        { class: "chips" },
        interests.map((interest) => h("li", {}, interest)),
      ),
      h("p", { class: "quiet" }, "Waiting for ", time, ". Stay on this page; the chat opens by itself."),
      h("div", { class: "actions" }, stop),
    );
  };

  const matches = () =>
    h(
      "ul",
      { class: "directory" },
      client.match.chats.map(({ chat_id: id, peer, interests, expires_at: until }) =>
        h(
          "li",
          {},
          h(
            "a",
            { class: "listed", href: `#/chat/${id}` },
            avatar(peer.name, peer.id),
            h(
              "span",
              { class: "about" },
              h("span", { class: "name" }, peer.name),
              h("small", {}, `${interests.join(", ")} · ends in ${span(until - Date.now())} at the latest`),
            ),
          ),
        ),
      ),
    );

  const update = () => {
    const { searching, chats, slots } = client.match;
    const now = JSON.stringify([
      searching,
      client.match.interests,
      client.match.paused,
      chats.map(({ chat_id: id }) => id),
    ]);
    if (now === shown) return;
    shown = now;
    clearInterval(ticking);
    const isFull = chats.length >= slots;
    page.replaceChildren(
      h("h1", {}, "Meet somebody"),
      h(
        "p",
        { class: "quiet" },
        "You are brought together with one other person who shares an interest. Only the two of you can read the chat, and it is gone when one of you leaves.",
      ),
      ...[
        chats.length > 0 && matches(),
        searching && waiting(),
        !searching && !isFull && asking(),
        isFull &&
          h(
            "p",
            { class: "notice" },
            "You have as many matches as you can have at once. Leave one to meet somebody else.",
          ),
      ].filter(Boolean),
    );
  };
  const off = [
    client.on("match", update),
    client.on("match:dequeued", ({ reason }) => {
      if (WHY_NOT[reason]) toast(WHY_NOT[reason]);
    }),
  ];
  get("portal/match/status").then(
    (status) => {
      client.match = status;
      update();
    },
    () => {},
  );
  update();
  return () => {
    clearInterval(ticking);
    for (const stop of off) stop();
  };
}
