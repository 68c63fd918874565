// What staff pages have in common: the ways between them, and the numbers of chats and people as links.

import { h } from "../../dom.js";
import { isModerator, isStaff } from "../../rights.js";

const WAYS = [
  ["#/staff", "People and chats", isModerator],
  ["#/staff/reports", "Reports", isStaff],
  ["#/staff/audit", "Audit log", isModerator],
  ["#/staff/matcher", "Matcher", isModerator],
  ["#/staff/codes", "Sign-up codes", isStaff],
];

/** A staff page; what is not this person's, the page says, and shows nothing. Answers whether it is. */
export function staffPage({ client, main }, title, may, ...content) {
  const here = location.hash.split("?")[0];
  const ways = WAYS.filter(([, , isOpen]) => isOpen(client.me)).map(([href, label]) =>
    h("li", {}, h("a", { href, "aria-current": href === here ? "page" : null }, label)),
  );
  const isOpen = may(client.me);
  main.append(
    h(
      "div",
      { class: "page staff" },
      isOpen && h("nav", { "aria-label": "Staff" }, h("ul", { class: "tabs" }, ways)),
      h("h1", {}, title),
      ...(isOpen ? content : [h("p", { class: "notice" }, "This is for those who look after this server.")]),
    ),
  );
  return isOpen;
}

export const personLink = (id, name) =>
  h("a", { href: `#/staff/person/${id}` }, name ?? `Somebody who is gone (${id})`);

export const chatLink = (id, name) => h("a", { href: `#/staff/chat/${id}` }, name ?? `chat ${id}`);

/** The query of an address, and the other way round; what is empty is left out. */
export const readQuery = (text) => Object.fromEntries(new URLSearchParams(text ?? ""));
export const writeQuery = (values) =>
  new URLSearchParams(Object.entries(values).filter(([, value]) => value !== undefined && value !== "")).toString();
