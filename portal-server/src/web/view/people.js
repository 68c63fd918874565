// The people of a chat: who is there, whose keys are whose, and what may be done about somebody.

import { avatar, check, confirm, dialog, field, form, h, icon, iconButton, menu, select, toast } from "../dom.js";
import { mayActOn } from "../rights.js";
import { moment, trouble } from "../words.js";

/** Members first, then who is only there. */
export function everybody(room) {
  const known = new Map();
  for (const member of room.members) {
    known.set(member.user_id, { id: member.user_id, username: member.username, role: member.role, isMember: true });
  }
  for (const { user_id: id, username, role } of room.present.values()) {
    if (!known.has(id)) known.set(id, { id, username, role, isMember: false });
  }
  return [...known.values()].map((one) => ({
    ...one,
    isHere: room.present.has(one.id),
    isOwner: one.id === room.chat.owner,
  }));
}

function tags(room, one) {
  return [
    one.id === room.me.id && "you",
    one.isOwner ? "owner" : room.chat.chat_type !== "DIRECT" && one.isMember && "member",
    one.role !== "user" && `${one.role} of the platform`,
    one.isHere ? "here" : "away",
  ]
    .filter(Boolean)
    .join(" · ");
}

export function people(client, room) {
  return dialog("People", (close) => {
    const list = h("ul", { class: "people" });
    const guests = h("p", { class: "quiet" });
    const update = () => {
      list.replaceChildren(
        ...everybody(room).map((one) =>
          h(
            "li",
            {},
            avatar(one.username, one.id),
            h("span", { class: "about" }, h("span", { class: "name" }, one.username), h("small", {}, tags(room, one))),
            one.id !== room.me.id &&
              iconButton("more", `More about ${one.username}`, () => {
                close();
                person(client, room, one);
              }),
          ),
        ),
      );
      guests.textContent = room.guests ? `${room.guests} more are looking on without a name.` : "";
    };
    room.on("people", update);
    room.loadMembers().catch(() => {});
    update();
    const keys = h(
      "button",
      {
        type: "button",
        onclick: () => {
          close();
          fingerprints(room);
        },
      },
      icon("lock"),
      "Compare keys",
    );
    return [list, guests, h("div", { class: "actions" }, keys)];
  });
}

/** What can be done about one person. */
export function person(client, room, one) {
  const mayModerate = room.rights.moderate && mayActOn(room.me, room.chat, one);
  return menu(one.username, [
    ["Compare keys", () => fingerprints(room, one)],
    mayModerate && ["Mute, remove or ban", () => moderate(room, one)],
    [
      "Block",
      async () => {
        if (
          !(await confirm(
            `Block ${one.username}?`,
            "You are never matched with each other again. They do not learn of it. You can take it back under your account.",
            "Block",
          ))
        )
          return;
        try {
          await client.block(one.id);
          toast("Blocked.");
        } catch (error) {
          toast(trouble(error), true);
        }
      },
    ],
  ]);
}

/** The digits that two people compare over another channel. */
export function fingerprints(room, one) {
  return dialog(one ? `Keys of ${one.username}` : "Compare keys", () => {
    const list = h("ul", { class: "fingerprints" }, h("li", { class: "quiet" }, "Reading the keys ..."));
    room.keys.fingerprints().then(
      (sessions) => {
        const shown = sessions.filter(({ user_id: user }) => !one || user === one.id);
        list.replaceChildren(
          ...shown.map((session) =>
            h(
              "li",
              {},
              h("strong", {}, room.nameOf(session.user_id)),
              h(
                "small",
                {},
                session.first_seen ? ` key first seen ${moment(session.first_seen)}` : " key not met before",
              ),
              h("p", { class: "digits" }, session.digits),
            ),
          ),
        );
        if (shown.length === 0)
          list.append(h("li", { class: "quiet" }, "Nobody else is here with a key at the moment."));
      },
      (error) => list.replaceChildren(h("li", {}, trouble(error))),
    );
    return [
      h(
        "p",
        {},
        "Read the digits to each other over another channel, such as a call. If both of you see the same, nobody stands between you. Every session has a key of its own.",
      ),
      list,
    ];
  });
}

const HOW_LONG = [
  ["300", "5 minutes"],
  ["3600", "An hour"],
  ["86400", "A day"],
  ["0", "Until it is lifted"],
];

/** Mute, remove, ban: with a reason and a second look. */
export function moderate(room, one) {
  const acts = [
    ["mute", "Mute", "They cannot write here for a while."],
    ["unmute", "Lift the mute", "They can write here again."],
    [
      "kick",
      "Remove",
      "Out of the chat, and a new key is made: they cannot read what comes. They may come back by an invite.",
    ],
    ["ban", "Ban", "As removing, and they cannot come back for that time."],
    ["unban", "Lift the ban", "They may come back."],
  ];
  return dialog(`Moderate ${one.username}`, (close) => {
    const hint = h("span", {}, acts[0][2]);
    const act = select(acts, "mute", { name: "act" });
    const howLong = select(HOW_LONG, "300", { name: "duration" });
    const duration = field("For how long", howLong);
    const reason = field(
      "Reason",
      h("input", { name: "reason", maxlength: 500, autocomplete: "off" }),
      "They and the staff can read it.",
    );
    act.addEventListener("change", () => {
      hint.textContent = acts.find(([key]) => key === act.value)[2];
      duration.hidden = act.value !== "mute" && act.value !== "ban";
      // A mute is short and a ban holds, unless somebody says otherwise.
      howLong.value = act.value === "ban" ? "0" : "300";
      reason.hidden = act.value.startsWith("un");
    });
    return form(
      {},
      [
        field("What", act, hint),
        duration,
        reason,
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", onclick: () => close() }, "Cancel"),
          h("button", { class: "danger" }, "Do it"),
        ),
      ],
      async (values) => {
        const body = { user_id: one.id };
        if (!duration.hidden) body.duration_seconds = Number(values.duration);
        if (!reason.hidden && values.reason.trim()) body.reason = values.reason.trim();
        await room.act(values.act, body);
        close();
        toast("Done.");
        room.loadMembers().catch(() => {});
      },
    );
  });
}

/** Tells those who run the platform about a message; with its own key they can read it. */
export function report(room, line) {
  return dialog("Report this message", (close) => {
    const canProve = line.state === "open";
    return form(
      {},
      [
        h("blockquote", { class: "quote" }, canProve ? line.text : "This message cannot be read here."),
        field("What is wrong with it", h("textarea", { name: "reason", required: true, maxlength: 500, rows: 3 })),
        canProve &&
          check(
            "Show them what it says",
            h("input", { type: "checkbox", name: "proof", checked: true }),
            "Reveals the key of this one message, and no other. Without it, staff see only that you reported it.",
          ),
        h(
          "p",
          { class: "quiet" },
          "It goes to the admins of this server. The person is not told. The chat's moderators do not see it.",
        ),
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", onclick: () => close() }, "Cancel"),
          h("button", { class: "primary" }, "Report"),
        ),
      ],
      async ({ reason, proof }) => {
        const { verified } = await room.report(line, reason.trim(), Boolean(proof));
        close();
        toast(verified ? "Reported, with proof of what it says." : "Reported.");
      },
    );
  });
}
