// Reports: what people have told staff about messages.

import { get } from "../../api.js";
import { field, h, select } from "../../dom.js";
import { isStaff } from "../../rights.js";
import { moment } from "../../words.js";
import { listing, row } from "../rows.js";
import { readQuery, staffPage, writeQuery } from "./frame.js";

const PAGE = 50;

/** What the states are called. */
export const STATES = [
  ["open", "Open"],
  ["reviewing", "Being looked into"],
  ["actioned", "Settled: something was done"],
  ["dismissed", "Settled: nothing to do"],
];
export const stateName = (state) => STATES.find(([key]) => key === state)?.[1] ?? state;

function entry(one) {
  const who = one.sender_username ?? `somebody who is gone (${one.sender_id})`;
  return row(
    h("a", { href: `#/staff/report/${one.id}` }, `Message of ${who} in ${one.chat_name}`),
    [
      [stateName(one.state), moment(one.at), one.verified ? "with proof" : "without proof"].join(" · "),
      `“${one.reason}”`,
    ],
  );
}

export function reports(page) {
  const { client, go } = page;
  const { state = "open", ...wanted } = readQuery(page.argument);
  const read = async (last) => {
    const query = writeQuery({ ...wanted, state: state === "all" ? "" : state, before: last?.id, limit: PAGE });
    return (await get(`portal/reports?${query}`)).rows;
  };
  const found = listing(read, entry, "There are none.", PAGE);
  const filter = select([...STATES, ["all", "All"]], state, { name: "state" });
  filter.addEventListener("change", () => go(`#/staff/reports?${writeQuery({ ...wanted, state: filter.value })}`));
  staffPage(
    page,
    "Reports",
    isStaff,
    h("div", { class: "narrow" }, field("Show", filter)),
    h("section", { class: "card", "aria-label": "Reports" }, found.element),
  );
  const off = ["report:new", "report:updated", "report:deleted"].map((name) => client.on(name, found.show));
  return () => off.forEach((stop) => stop());
}
