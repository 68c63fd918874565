// Medians over the rounds of a benchmark here, and the ratios between the server and its peers.
//
//   node summary.mjs DIRECTORY PEER...

import { readFileSync } from "node:fs";

const [directory, ...peers] = process.argv.slice(2);
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const read = (side) =>
  readFileSync(`${directory}/${side}.jsonl`, "utf8").trim().split("\n").map(JSON.parse);

const sides = Object.fromEntries(["server", ...peers].map((side) => [side, read(side)]));
const of = (side, key, digits) => {
  const values = sides[side].map((round) => round[key]).filter((value) => value !== undefined);
  return values.length > 0 ? median(values).toFixed(digits) : "-";
};

console.log("side     deliveries/s  server CPU s  ack p50 ms  ack p99 ms  RSS MiB");
for (const side of Object.keys(sides)) {
  console.log(
    side.padEnd(8),
    of(side, "deliveries_per_second", 0).padStart(12),
    of(side, "server_cpu_seconds", 2).padStart(13),
    of(side, "ack_ms_p50", 1).padStart(11),
    of(side, "ack_ms_p99", 1).padStart(11),
    (of(side, "server_rss_kib", 0) / 1024).toFixed(1).padStart(8),
  );
}
for (const peer of peers) {
  const ratios = sides.server.map(
    (round, i) => round.deliveries_per_second / sides[peer][i].deliveries_per_second,
  );
  const list = ratios.map((ratio) => ratio.toFixed(1)).join(" ");
  console.log(`server / ${peer}: ${list}, median ${median(ratios).toFixed(1)}`);
}
