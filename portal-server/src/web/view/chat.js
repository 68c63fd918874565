// One chat: what was said, and a place to say something.

import { confirm, copy, doing, h, icon, iconButton, menu, title, toast } from "../dom.js";
import { utf8 } from "../e2ee/bytes.js";
import { MAX_PLAINTEXT_BYTES } from "../e2ee/suite3.js";
import { isStaff, mayActOn } from "../rights.js";
import { chatType, clock, gone, span, trouble } from "../words.js";
import { Lines } from "./lines.js";

/** As near to the end as counts as being there, in pixels. */
const AT_END = 80;

const KEY_STATES = {
  looking: "Getting the key ...",
  held: "A new key is being made by somebody who was here longer ...",
  asked: "Waiting for somebody who has the key ...",
  none: "No key: messages cannot be read here.",
  ready: "Encrypted",
};

function keyState(room) {
  if (room.goneBecause !== null) return "Over";
  if (room.isForeign) return "Encrypted in a way that this client does not speak";
  if (!room.me) return "Encrypted. Sign in to take part.";
  if (!room.joined) return "Connecting ...";
  if (!room.mayTalk) return "Encrypted. You can only look.";
  return room.keys.state === "ready" ? `${KEY_STATES.ready} · epoch ${room.keys.epoch}` : KEY_STATES[room.keys.state];
}

function about(room) {
  if (room.direct) {
    const { peer, interests } = room.direct;
    return [peer.country_code, interests.length && `You share: ${interests.join(", ")}`].filter(Boolean).join(" · ");
  }
  const here = room.present.size + room.guests;
  return [chatType(room.chat.chat_type), room.chat.label, here && `${here} here`, room.chat.description]
    .filter(Boolean)
    .join(" · ");
}

const typingWords = (names) =>
  names.length === 0
    ? ""
    : names.length > 2
      ? "Several people are typing ..."
      : `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} typing ...`;

const nothing = (why, inspected) =>
  h(
    "div",
    { class: "welcome" },
    h("h1", {}, "This chat is not here."),
    h("p", {}, why),
    h(
      "p",
      { class: "actions" },
      inspected && h("a", { class: "button", href: `#/staff/chat/${inspected}` }, "Look into it as an admin"),
      h("a", { class: "button", href: "#/" }, "Back to the chats"),
      h("a", { class: "button", href: "#/open" }, "Open chats"),
    ),
  );

export function chatView({ client, main, argument, go }) {
  const id = Number(argument);
  const ends = [];
  let room = null;
  let over = false;
  client.watch(id).then(
    (opened) => {
      if (over) return;
      room = opened;
      ends.push(build({ client, room, main, go }));
    },
    (error) => {
      if (over) return;
      if (error.code === "OFFLINE") {
        // The connection will join it; what there is to see is shown then.
        room = client.room(id);
        ends.push(build({ client, room, main, go }));
        return;
      }
      main.append(nothing(trouble(error), isStaff(client.me) && id));
    },
  );
  return () => {
    over = true;
    for (const end of ends) end();
    client.unwatch();
  };
}

function build({ client, room, main, go }) {
  const heading = h("h1", {});
  const subtitle = h("p", { class: "subtitle" });
  const lock = h("p", { class: "lock", role: "status" });
  const peopleButton = iconButton("people", "People", async () => (await import("./people.js")).people(client, room));
  const settingsButton = iconButton("settings", "Chat settings", async () =>
    (await import("./chat_settings.js")).settings(client, room, go),
  );
  const moreButton = iconButton("more", "More", () => chatMenu(client, room, go));
  const header = h(
    "header",
    { class: "chat-head" },
    h("a", { class: "round back", href: "#/", "aria-label": "Back to the chats" }, icon("back")),
    h("div", { class: "titles" }, heading, subtitle, lock),
    peopleButton,
    settingsButton,
    moreButton,
  );
  const notice = h("div", { class: "notices" });
  const lines = new Lines(room, (line) => lineMenu(client, room, line));
  const older = h("button", { type: "button", class: "older", hidden: true }, "Show earlier messages");
  const empty = h("p", { class: "empty", hidden: true }, "Nothing has been said yet.");
  const scroll = h("div", { class: "scroll" }, older, empty, lines.element);
  const down = h("button", { type: "button", class: "down", hidden: true }, icon("down"), "New messages");
  const spoken = h("p", { class: "sr", "aria-live": "polite" });
  const typing = h("p", { class: "typing", "aria-live": "off" });
  const text = h("textarea", {
    rows: 1,
    "aria-label": "Message",
    placeholder: "Message",
    enterkeyhint: "send",
    dir: "auto",
  });
  const send = h("button", { class: "round send", "aria-label": "Send", title: "Send" }, icon("send"));
  const size = h("small", { class: "size", hidden: true });
  const composer = h("form", { class: "composer" }, text, size, send);
  const talk = h("div", { class: "talk" }, scroll, down, spoken, typing, composer);
  const stage = h("section", { class: "chat", "aria-label": "Chat" }, header, notice, h("div", { class: "body" }, talk));
  main.append(stage);

  const isAtEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < AT_END;
  const toEnd = () => {
    scroll.scrollTop = scroll.scrollHeight;
    down.hidden = true;
  };
  let latest = Math.max(0, ...room.lines.keys());
  let firstTime = true;

  const showLines = () => {
    const wasAtEnd = firstTime || isAtEnd();
    const fromEnd = scroll.scrollHeight - scroll.scrollTop;
    lines.update();
    older.hidden = !room.hasMore;
    empty.hidden = !room.loaded || room.lines.size + room.outbox.size > 0;
    const newest = Math.max(0, ...room.lines.keys());
    const line = room.lines.get(newest);
    const isOther = line?.sender?.id !== room.me?.id;
    if (wasAtEnd || (newest === latest && [...room.outbox.values()].some(({ state }) => state === "sending"))) toEnd();
    else if (newest > latest && isOther) down.hidden = false;
    else if (newest === latest) scroll.scrollTop = scroll.scrollHeight - fromEnd;
    // Screen readers hear what is new, not all that is loaded.
    if (!firstTime && newest > latest && isOther && line.state === "open")
      spoken.textContent = `${line.sender.username}: ${line.text}`;
    latest = Math.max(latest, newest);
    if (room.loaded) firstTime = false;
  };

  const showHead = () => {
    if (!room.chat) {
      if (room.refusal) main.replaceChildren(nothing(room.refusal, isStaff(client.me) && room.id));
      return;
    }
    heading.textContent = room.title;
    subtitle.textContent = about(room);
    subtitle.title = subtitle.textContent;
    lock.replaceChildren(icon("lock"), keyState(room));
    lock.className = room.keys.state === "ready" && room.goneBecause === null ? "lock on" : "lock";
    const isOver = room.goneBecause !== null;
    settingsButton.hidden = isOver || !room.rights.configure;
    peopleButton.hidden = isOver || !room.me || (room.me.stranger && !room.direct);
    moreButton.hidden = isOver || !room.me || !(client.isOwn(room.id) || room.rights.moderate || room.rights.destroy);
    composer.hidden = isOver || !room.mayTalk || room.isForeign;
    text.disabled = send.disabled = Boolean(room.muted) || Boolean(client.unfit);
    title({ name: room.title });
    showNotices();
    showBrowser();
  };

  // Its browser, where chats can have one; it is seldom wanted before what is said.
  let hasBrowser = false;
  let endBrowser = () => {};
  const showBrowser = async () => {
    if (hasBrowser || client.browsers.length === 0 || room.chat.chat_type === "DIRECT") return;
    hasBrowser = true;
    const { browserPane } = await import("./browser.js");
    if (stage.isConnected) endBrowser = browserPane({ client, room, talk });
  };

  let counting = 0;
  const showNotices = () => {
    clearInterval(counting);
    const say = (words, ...more) => h("p", { class: "notice" }, h("span", {}, words), ...more);
    const tell = () => {
      const shown = [];
      if (client.unfit && room.me) shown.push(say(client.unfit));
      if (room.goneBecause !== null) {
        const again = room.direct && h("a", { class: "button", href: "#/match" }, "Meet somebody else");
        shown.push(
          say(
            room.refusal ?? gone(room.goneBecause),
            again ?? h("a", { class: "button", href: "#/" }, "Back to the chats"),
          ),
        );
      } else if (room.isForeign)
        shown.push(
          say("This chat uses the older encryption, suite 2. This client cannot read or write it; other clients can."),
        );
      else if (room.joined && !room.me)
        shown.push(
          say(
            "Messages here are encrypted. Those who take part can read them.",
            h("a", { class: "button", href: "#/sign-in" }, "Sign in"),
          ),
        );
      else if (room.joined && !room.mayTalk && room.me?.stranger)
        shown.push(say("Visitors can look in, but not read or write. Sign up for that."));
      if (room.muted)
        shown.push(
          say(
            room.muted.until
              ? `You are muted until ${clock(room.muted.until)}, for another ${span(room.muted.until - Date.now())}.`
              : "You are muted until a moderator lifts it.",
          ),
        );
      if (room.peerAwayUntil)
        shown.push(
          say(
            `${room.direct?.peer.name ?? "Your match"} is away. If they do not come back within ${span(room.peerAwayUntil - Date.now())}, the chat ends.`,
          ),
        );
      notice.replaceChildren(...shown);
      return Boolean(room.muted?.until || room.peerAwayUntil);
    };
    if (tell()) counting = setInterval(tell, 1000);
  };

  const showTyping = () => {
    typing.textContent = typingWords([...room.typing.keys()].map((user) => room.nameOf(user)));
  };

  const fit = () => {
    text.rows = 1;
    const wanted = Math.min(6, Math.max(1, Math.round((text.scrollHeight - 16) / 22)));
    text.rows = wanted;
    const bytes = utf8(text.value.trim()).length;
    size.hidden = bytes < MAX_PLAINTEXT_BYTES - 400;
    size.textContent =
      bytes > MAX_PLAINTEXT_BYTES ? `${bytes - MAX_PLAINTEXT_BYTES} too many` : `${MAX_PLAINTEXT_BYTES - bytes} left`;
    return bytes > 0 && bytes <= MAX_PLAINTEXT_BYTES;
  };
  const submit = () => {
    const words = text.value.trim();
    if (text.disabled || !fit()) return;
    text.value = "";
    fit();
    room.send(words);
    toEnd();
  };
  text.addEventListener("input", () => {
    if (fit()) room.typed();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
    text.focus();
  });
  const pageUp = () => doing(older, () => room.older());
  older.addEventListener("click", pageUp);
  scroll.addEventListener("scroll", () => {
    if (isAtEnd()) down.hidden = true;
    if (scroll.scrollTop < 60 && room.hasMore && !firstTime) pageUp();
  });
  down.addEventListener("click", toEnd);

  // The window, or a keyboard on the screen, takes room: who was at the end stays there.
  let staysAtEnd = true;
  scroll.addEventListener("scroll", () => {
    if (scroll.clientHeight === height) staysAtEnd = isAtEnd();
  });
  let height = 0;
  const resized = new ResizeObserver(() => {
    height = scroll.clientHeight;
    if (staysAtEnd) toEnd();
  });
  resized.observe(scroll);
  resized.observe(lines.element);

  const people = () => {
    showHead();
    showLines();
  };
  const off = [
    room.on("lines", showLines),
    room.on("chat", showHead),
    room.on("keys", showHead),
    room.on("people", people),
    room.on("typing", showTyping),
    client.on("connection", showHead),
    client.on("match", showHead),
  ];
  showHead();
  showLines();
  showTyping();
  if (matchMedia("(min-width: 48rem)").matches) text.focus();
  return () => {
    clearInterval(counting);
    endBrowser();
    resized.disconnect();
    for (const stop of off) stop();
  };
}

/** What can be done to the chat as a whole. */
function chatMenu(client, room, go) {
  const { chat, rights } = room;
  const home = () => go("#/");
  const peer = room.direct?.peer;
  return menu(room.title, [
    chat.slug && ["Copy the link", () => copy(`${location.origin}/#/c/${chat.slug}`)],
    client.isOwn(room.id) &&
      !peer && [
        "Delete all that I wrote here",
        async () => {
          if (
            await confirm(
              "Delete what you wrote?",
              "Every message of yours in this chat goes, for everybody.",
              "Delete them",
            )
          )
            await tried(() => room.act("messages/delete-mine"));
        },
        true,
      ],
    rights.moderate && ["Muted and banned", async () => (await import("./held.js")).held(room)],
    rights.configure && ["Who came and went", async () => (await import("./held.js")).activity(room)],
    rights.give && ["Give it to somebody", async () => (await import("./transfer.js")).offer(room)],
    rights.moderate && [
      "Clear the chat",
      async () => {
        if (
          await confirm(
            "Clear the chat?",
            "Every message goes, for everybody, and a new key is made. This cannot be undone.",
            "Clear it",
          )
        )
          await tried(() => room.act("clear"));
      },
      true,
    ],
    peer && [
      "Block this person",
      async () => {
        if (
          await confirm(
            `Block ${peer.name}?`,
            "You are never matched with them again. They do not learn of it. The chat stays until one of you leaves.",
            "Block",
          )
        )
          await tried(() => client.block(peer.id), "Blocked.");
      },
    ],
    peer && [
      "Leave the chat",
      async () => {
        if (
          await confirm(
            "Leave this match?",
            "The chat ends for both of you, at once, with everything in it. What you want to report, report first.",
            "Leave",
          )
        )
          await tried(() => client.leave(room));
      },
      true,
    ],
    !peer &&
      client.isOwn(room.id) &&
      !rights.isOwner && [
        "Leave the chat",
        async () => {
          if (
            (await confirm(
              "Leave this chat?",
              "You are no longer a member, and cannot read what is written from then on.",
              "Leave",
            )) &&
            (await tried(() => client.leave(room)))
          )
            home();
        },
        true,
      ],
    rights.destroy && [
      "Destroy the chat",
      async () => {
        if (
          (await confirm(
            "Destroy this chat?",
            `"${chat.name}" goes for good: its messages, members, invites and keys.`,
            "Destroy it",
          )) &&
          (await tried(() => room.act("delete")))
        )
          home();
      },
      true,
    ],
  ]);
}

async function tried(work, done) {
  try {
    await work();
    if (done) toast(done);
    return true;
  } catch (error) {
    toast(trouble(error), true);
    return false;
  }
}

/** What can be done about one message. */
async function lineMenu(client, room, line) {
  const { me, rights } = room;
  const isOwn = line.sender.id === me?.id;
  const other = {
    id: line.sender.id,
    role: room.members.find(({ user_id: user }) => user === line.sender.id)?.role ?? line.sender.role,
  };
  const isOver = room.goneBecause !== null;
  const remove = async () => {
    if (await confirm("Delete this message?", "It goes for everybody.", "Delete")) {
      await tried(() => room.act(isOwn ? "messages/delete-mine" : "messages/delete", { ids: [line.id] }));
    }
  };
  const { moderate, person, report } = await import("./people.js");
  const name = line.sender.username ?? "somebody who is gone";
  await menu(isOwn ? "Your message" : `Message of ${name}`, [
    line.state === "open" && ["Copy the text", () => copy(line.text)],
    !isOver && me && (isOwn ? room.mayTalk : rights.moderate) && ["Delete", remove, true],
    !isOver && !isOwn && room.mayTalk && ["Report", () => report(room, line)],
    !isOver && !isOwn && room.mayTalk && [`About ${name}`, () => person(client, room, { ...other, username: name })],
    !isOver &&
      !isOwn &&
      rights.moderate &&
      mayActOn(me, room.chat, other) && [`Moderate ${name}`, () => moderate(room, { ...other, username: name })],
  ]);
}
