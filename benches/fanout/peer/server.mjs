// The peer of the bench: Node, socket.io and better-sqlite3, as one would write it.
//
// The same work as the server it is compared with: every message is a row in `message` and a row
// in `event`, on disk (WAL, synchronous=FULL) before it is acknowledged or passed on to the room.
//
//   node server.mjs DATABASE [each|tick]
//
// `each` commits every message by itself, which is what a synchronous driver invites to.
// `tick` commits together what came in during one turn of the event loop: the best this stack can
// do when it knows the trick. Prints its port.

import { createServer } from "node:http";
import Database from "better-sqlite3";
import { Server } from "socket.io";

const [path, commit = "each"] = process.argv.slice(2);

const db = new Database(path);
db.pragma("journal_mode = WAL");
db.pragma("synchronous = FULL");
db.exec(`
  CREATE TABLE message (
    chat_id INTEGER NOT NULL, id INTEGER NOT NULL, sender INTEGER NOT NULL,
    content TEXT NOT NULL, epoch INTEGER NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (chat_id, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE event (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, name TEXT NOT NULL, audience TEXT NOT NULL,
    chat_id INTEGER NOT NULL, message_id INTEGER NOT NULL
  ) STRICT;
`);
const insertMessage = db.prepare("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?)");
const insertEvent = db.prepare(
  "INSERT INTO event (at, name, audience, chat_id, message_id) VALUES (?, 'message:new', 'chat', ?, ?)",
);

let lastId = 0;
function store({ chat_id, content }) {
  const id = ++lastId;
  const created_at = Date.now();
  insertMessage.run(chat_id, id, 7, content, 1, created_at);
  const { lastInsertRowid } = insertEvent.run(created_at, chat_id, id);
  return {
    seq: Number(lastInsertRowid), chat_id, id,
    sender: { id: 7, username: "sender", role: "user" },
    kind: "user", content, epoch: 1, created_at,
  };
}
const storeOne = db.transaction(store);
const storeAll = db.transaction((sends) => sends.map(([data]) => store(data)));

const http = createServer();
const io = new Server(http, { serveClient: false });

function deliver(message, ack) {
  io.to(`chat:${message.chat_id}`).emit("message:new", message);
  ack({ ok: true, id: message.id });
}

let waiting = [];
function sendWithTheTick(data, ack) {
  if (waiting.push([data, ack]) > 1) return;
  setImmediate(() => {
    const sends = waiting;
    waiting = [];
    storeAll(sends).forEach((message, i) => deliver(message, sends[i][1]));
  });
}

io.on("connection", (socket) => {
  socket.on("room:join", ({ chat_id }, ack) => {
    socket.join(`chat:${chat_id}`);
    ack({ ok: true });
  });
  socket.on("message:send", commit === "tick"
    ? sendWithTheTick
    : (data, ack) => deliver(storeOne(data), ack));
});

http.listen(0, "127.0.0.1", () => console.log(http.address().port));
