// A person, as staff see them: who they are, what was done to them, and what can be done.

import { get, post } from "../../api.js";
import { dialog, field, form, h, select, toast } from "../../dom.js";
import { isModerator, isStaff, mayEverywhere } from "../../rights.js";
import { moment, trouble } from "../../words.js";
import { punishment } from "../punishment.js";
import { action, listing, section } from "../rows.js";
import { actOn, lift, mayAct } from "./acts.js";
import { staffPage, writeQuery } from "./frame.js";

const PAGE = 50;
const STANDINGS = { active: "can sign in", timed_out: "timed out", banned: "banned" };

function about(one) {
  const standing = one.state && [STANDINGS[one.state], one.until && `until ${moment(one.until)}`].filter(Boolean);
  const tier = one.tier && [one.tier, one.tier_expires_at && `until ${moment(one.tier_expires_at)}`].filter(Boolean);
  return [
    `Number ${one.id}`,
    one.stranger ? "a visitor without an account" : one.role,
    `here since ${moment(one.created_at)}`,
    tier?.join(" "),
    standing?.join(" "),
  ]
    .filter(Boolean)
    .join(" · ");
}

const TIERS = [
  ["30", "Premium for 30 days"],
  ["365", "Premium for a year"],
  ["", "Premium without end"],
  ["basic", "No premium"],
];

function grant(other) {
  return dialog(`Premium of ${other.username}`, (close) =>
    form(
      {},
      [
        field("What they get, from now on", select(TIERS, "30", { name: "tier" }), "With premium one can make chats."),
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", onclick: () => close(false) }, "Cancel"),
          h("button", { class: "primary" }, "Save"),
        ),
      ],
      async ({ tier }) => {
        const body = { user_id: other.id, tier: tier === "basic" ? "basic" : "premium" };
        if (Number(tier) > 0) body.days = Number(tier);
        await post("op/user.set_tier", body);
        close(true);
        toast("Saved.");
      },
    ),
  );
}

function ways(me, one) {
  const audit = (filter) => `#/staff/audit?${writeQuery(filter)}`;
  return h(
    "ul",
    { class: "ways-on" },
    h("li", {}, h("a", { href: audit({ target: one.id }) }, "What was done to them")),
    h("li", {}, h("a", { href: audit({ user_id: one.id }) }, "What they did")),
    isStaff(me) &&
      h(
        "li",
        {},
        h("a", { href: `#/staff/reports?${writeQuery({ user_id: one.id, state: "all" })}` }, "Reports of what they wrote"),
      ),
  );
}

export function person(page) {
  const { client, argument } = page;
  const id = Number(argument);
  const body = h("div", {}, h("p", { class: "quiet" }, "Looking ..."));
  const show = async () => {
    try {
      const one = await get(`users/${id}`);
      body.parentNode.querySelector("h1").textContent = one.username;
      body.replaceChildren(...shown(one));
    } catch (error) {
      body.replaceChildren(h("p", { class: "notice bad", role: "alert" }, trouble(error)));
    }
  };
  const shown = (one) => {
    const { me } = client;
    const may = mayEverywhere(me, one);
    const entry = (row) => {
      const [label, undo] = (row.holds && lift(me, one, row.kind)) || [];
      const button =
        label &&
        action(label, async () => {
          await undo();
          await show();
        });
      return punishment(row, button ?? "");
    };
    const read = async (last) =>
      (await get(`users/${id}/punishments?${writeQuery({ before: last?.id, limit: PAGE })}`)).rows;
    const again = async (done) => (await done) && show();
    return [
      h("p", { class: "quiet" }, about(one)),
      h(
        "div",
        { class: "actions" },
        mayAct(me, one) && action(`Act on ${one.username}`, () => again(actOn(me, one)), "danger"),
        may.tier && !one.stranger && action("Give premium", () => again(grant(one)), null),
      ),
      section(
        "What was done to them",
        may.warn
          ? listing(read, entry, "Nothing was ever done to them here.", PAGE).element
          : h("p", { class: "quiet" }, "This is for staff with a higher role than theirs."),
      ),
      section("More", ways(me, one)),
    ];
  };
  if (staffPage(page, `Person ${id}`, isModerator, body)) show();
}
