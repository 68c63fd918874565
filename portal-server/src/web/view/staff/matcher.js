// The matcher: how it does, pausing it, and the strangers whom it brings together.

import { get, post } from "../../api.js";
import { avatar, confirm, dialog, field, form, h } from "../../dom.js";
import { isModerator } from "../../rights.js";
import { count, moment, span, trouble } from "../../words.js";
import { action, listing, row, section } from "../rows.js";
import { personLink, staffPage } from "./frame.js";

const PAGE = 50;
const EVERY = 10_000;

function figures(stats) {
  const fact = (term, what) => [h("dt", {}, term), h("dd", {}, what)];
  const wait = (ms) => (ms === null ? "nobody was matched" : span(ms));
  const since = stats.waiting_since ? `, the longest for ${span(Date.now() - stats.waiting_since)}` : "";
  return [
    h(
      "dl",
      { class: "facts" },
      ...fact("State", stats.paused ? "Paused: people wait, nobody is matched" : "At work"),
      ...fact("Waiting", `${count(stats.waiting, "person", "people")}${since}`),
      ...fact("Matches now", String(stats.active_chats)),
      ...fact("Matches in the last hour", String(stats.pairs_per_hour)),
      ...fact("Half waited at most", wait(stats.wait_p50_ms)),
      ...fact("99 of 100 waited at most", wait(stats.wait_p99_ms)),
    ),
    stats.interests.length > 0 &&
      h(
        "ul",
        { class: "chips", "aria-label": "Interests that people wait for" },
        stats.interests.map(({ interest, waiting }) => h("li", {}, `${interest} · ${waiting}`)),
      ),
  ].filter(Boolean);
}

const block = (one) =>
  dialog(`Block ${one.username}`, (close) =>
    form(
      {},
      [
        h("p", {}, "They are not matched any more for as long as they are this visitor. Matches that there are stay."),
        field(
          "Reason",
          h("input", { name: "reason", maxlength: 500, autocomplete: "off" }),
          "They and the staff can read it.",
        ),
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", onclick: () => close() }, "Cancel"),
          h("button", { class: "danger" }, "Block"),
        ),
      ],
      async ({ reason }) => {
        await post(`portal/strangers/${one.user_id}/block`, reason.trim() ? { reason: reason.trim() } : {});
        close();
      },
    ),
  );

function stranger(one, show) {
  const act = one.blocked
    ? action("Unblock", async () => {
        await post(`portal/strangers/${one.user_id}/unblock`);
        await show();
      })
    : action("Block", async () => {
        await block(one);
        await show();
      });
  const about = [
    one.blocked && "blocked",
    one.searching && "waiting",
    one.active_chats > 0 && count(one.active_chats, "match", "matches"),
    `since ${moment(one.created_at)}`,
  ];
  const element = row(personLink(one.user_id, one.username), [about.filter(Boolean).join(" · ")], act);
  element.prepend(avatar(one.username, one.user_id));
  return element;
}

export function matcher(page) {
  const { client } = page;
  const body = h("div", {});
  const button = h("span", {});
  const show = async () => {
    try {
      const stats = await get("portal/match/stats?limit=20");
      body.replaceChildren(...figures(stats));
      if (button.dataset.paused === String(stats.paused)) return;
      button.dataset.paused = String(stats.paused);
      button.replaceChildren(stats.paused ? action("Let it go on", () => turn("resume"), "primary") : pause());
    } catch (error) {
      body.replaceChildren(h("p", { class: "notice bad", role: "alert" }, trouble(error)));
    }
  };
  const turn = async (what) => {
    await post(`portal/match/${what}`);
    await show();
  };
  const pause = () =>
    action(
      "Pause it",
      async () => {
        const text = "People can still ask and wait, and matches that there are stay. Nobody is matched until it goes on.";
        if (await confirm("Pause the matcher?", text, "Pause it")) await turn("pause");
      },
      "danger",
    );
  const read = async (last) => {
    const after = last ? `&after=${last.user_id}` : "";
    return (await get(`portal/strangers?limit=${PAGE}${after}`)).strangers;
  };
  const isOpen = isModerator(client.me);
  staffPage(
    page,
    "Matcher",
    isModerator,
    section("How it does", body, h("div", { class: "actions" }, button)),
    section("Visitors without an account", isOpen ? listing(read, stranger, "There are none.", PAGE).element : ""),
  );
  if (!isOpen) return undefined;
  show();
  const timer = setInterval(show, EVERY);
  const off = client.on("match:paused", show);
  return () => {
    clearInterval(timer);
    off();
  };
}
