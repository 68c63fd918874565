// Whom a chat keeps from writing or from coming in, and lifting it; and who came and went there.

import { get } from "../api.js";
import { avatar, dialog, h } from "../dom.js";
import { mayActOn } from "../rights.js";
import { moment } from "../words.js";
import { action, listing, row } from "./rows.js";

const PAGE = 50;
const behind = (last) => `?limit=${PAGE}${last ? `&before=${last.id}` : ""}`;

/** The list; `act` does what is to be done in the chat, `me` and `chat` say for whom it may be lifted. */
export function heldList({ id, me, chat, act }) {
  const entry = (one, show) => {
    const isBan = one.kind === "ban";
    const lift = action(isBan ? "Lift the ban" : "Lift the mute", async () => {
      await act(isBan ? "unban" : "unmute", { user_id: one.user_id });
      await show();
    });
    const term = one.until ? `until ${moment(one.until)}` : "until it is lifted";
    const mayLift = mayActOn(me, chat, { id: one.user_id, role: one.role });
    const element = row(
      one.username,
      [`${isBan ? "Banned" : "Muted"} · since ${moment(one.at)} · ${term}`, one.reason && `“${one.reason}”`],
      mayLift ? lift : "",
    );
    element.prepend(avatar(one.username, one.user_id));
    return element;
  };
  const read = async (last) => (await get(`portal/chats/${id}/punishments${behind(last)}`)).rows;
  return listing(read, entry, "Nobody is muted or banned here.", PAGE);
}

export function held(room) {
  return dialog("Muted and banned", (close, element) => {
    const { element: list, show } = heldList({
      id: room.id,
      me: room.me,
      chat: room.chat,
      act: (what, body) => room.act(what, body),
    });
    const off = room.on("held", show);
    element.addEventListener("close", off);
    return [list];
  });
}

const KINDS = { join: "came in", leave: "left", kick: "was removed", ban: "was banned" };
const DOORS = { open: "by the open door", slug: "by its address", invite: "by an invite", match: "by a match" };

export function activity(room) {
  const entry = (one) =>
    row(`${one.username ?? "Somebody who is gone"} ${KINDS[one.kind] ?? one.kind}`, [
      [moment(one.at), DOORS[one.method]].filter(Boolean).join(" · "),
    ]);
  const read = async (last) => (await get(`portal/chats/${room.id}/activity${behind(last)}`)).rows;
  return dialog("Who came and went", () => [
    h("p", { class: "quiet" }, "Coming and going is noted at most once in ten minutes."),
    listing(read, entry, "Nobody has come or gone yet.", PAGE).element,
  ]);
}
