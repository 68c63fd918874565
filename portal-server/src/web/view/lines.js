// What was said, in order: one element a line, changed only where the line has.

import { avatar, h, icon } from "../dom.js";
import { clock, day, moment, system } from "../words.js";

/** Lines of one person within this time stand together. */
const TOGETHER = 5 * 60_000;

const STATES = {
  locked: "Encrypted with a key that this browser does not have.",
  broken: "This message does not open. It may have been tampered with.",
  foreign: "Encrypted in a way that this client cannot read.",
};

/** Everything that is shown, in its order. */
function ordered(room) {
  const lines = [...room.lines.values()].map((line) => ({
    key: `m${line.id}`,
    order: line.id,
    line,
    at: line.created_at,
  }));
  const notes = room.notes.map((note, place) => ({
    key: note.id,
    order: note.after + (place + 1) / 1e6,
    line: note,
    at: note.at,
  }));
  const outgoing = [...room.outbox.values()].map((line, place) => ({
    key: line.client_id,
    order: Number.MAX_SAFE_INTEGER - 1e6 + place,
    line: { ...line, kind: "outgoing", sender: { id: room.me.id, username: room.me.username } },
    at: line.at,
  }));
  return [...lines, ...notes, ...outgoing].sort((a, b) => a.order - b.order);
}

/** What a line looks like; the same text means that nothing has changed. */
const shape = ({ line, isFirst }) => [line.state, line.text, line.why, isFirst, line.sender?.username].join("\u0000");

export class Lines {
  #room;
  #onMenu;
  #elements = new Map();

  constructor(room, onMenu) {
    this.#room = room;
    this.#onMenu = onMenu;
    this.element = h("div", {
      class: "lines",
      role: "log",
      "aria-label": "Messages",
      "aria-live": "off",
      tabindex: "0",
    });
  }

  /** Shows what is there now. */
  update() {
    const wanted = [];
    let before = null;
    for (const item of ordered(this.#room)) {
      if (item.at && (!before || day(before.at) !== day(item.at)))
        wanted.push({ key: `day ${day(item.at)}`, day: day(item.at) });
      const isFollowing =
        before?.line.sender && item.line.sender?.id === before.line.sender.id && item.at - before.at < TOGETHER;
      wanted.push({ ...item, isFirst: !isFollowing });
      before = item;
    }
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, { element }] of this.#elements) {
      if (keys.has(key)) continue;
      element.remove();
      this.#elements.delete(key);
    }
    let place = this.element.firstChild;
    for (const item of wanted) {
      const now = item.day ?? shape(item);
      let shown = this.#elements.get(item.key);
      if (!shown || shown.shape !== now) {
        const element = item.day ? h("p", { class: "day" }, item.day) : this.#build(item);
        if (shown) {
          if (place === shown.element) place = element;
          shown.element.replaceWith(element);
        }
        shown = { element, shape: now };
        this.#elements.set(item.key, shown);
      }
      if (place === shown.element) place = place.nextSibling;
      else this.element.insertBefore(shown.element, place);
    }
  }

  #build({ line, isFirst, at }) {
    if (line.kind === "note") return h("p", { class: "event" }, icon("lock"), line.text);
    if (line.kind === "system") return h("p", { class: "event" }, system(line));
    if (line.kind === "unreadable") return h("p", { class: "event" }, "A message here is damaged.");
    const room = this.#room;
    const isOwn = line.sender.id === room.me?.id;
    const name = line.sender.username ?? "somebody who is gone";
    const isPlain = line.state === "open" || line.kind === "outgoing";
    const body = h(
      "div",
      { class: isPlain ? "bubble" : "bubble sealed" },
      !isPlain && icon("lock"),
      h("p", { dir: "auto" }, isPlain ? line.text : STATES[line.state]),
    );
    const meta = h("div", { class: "meta" });
    if (line.kind === "outgoing") this.#delivery(meta, line);
    else {
      meta.append(h("time", { datetime: new Date(at).toISOString(), title: moment(at) }, clock(at)));
      if (isOwn) meta.append(h("span", { class: "sent" }, "sent"));
      const label = `More about this message of ${isOwn ? "yours" : name}`;
      meta.append(
        h(
          "button",
          {
            type: "button",
            class: "round more",
            "aria-label": label,
            title: "More",
            onclick: () => this.#onMenu(line),
          },
          icon("more"),
        ),
      );
    }
    return h(
      "article",
      {
        class: `line${isOwn ? " own" : ""}${isFirst ? " first" : ""}${line.state === "failed" ? " failed" : ""}`,
        "data-id": line.id ?? null,
        "aria-label": isOwn ? "You" : name,
      },
      !isOwn && (isFirst ? avatar(name, line.sender.id) : h("span", { class: "avatar blank" })),
      h(
        "div",
        { class: "said" },
        isFirst &&
          !isOwn &&
          h(
            "p",
            { class: "from" },
            name,
            line.sender.role && line.sender.role !== "user" && h("span", { class: "tag" }, line.sender.role),
          ),
        body,
        meta,
      ),
    );
  }

  #delivery(meta, line) {
    if (line.state !== "failed") {
      meta.append(line.state === "waiting" ? `${line.why} ...` : "sending ...");
      return;
    }
    meta.append(
      h("span", {}, `Not sent. ${line.why}`),
      h("button", { type: "button", class: "text", onclick: () => this.#room.retry(line.client_id) }, "Try again"),
      h("button", { type: "button", class: "text", onclick: () => this.#room.discard(line.client_id) }, "Discard"),
    );
  }
}
