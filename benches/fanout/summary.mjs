// Medians over the rounds of run.sh, and the ratios between the sides.

import { readFileSync } from "node:fs";

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const read = (side) =>
  readFileSync(`${process.argv[2]}/${side}.jsonl`, "utf8").trim().split("\n").map(JSON.parse);

const sides = { server: read("server"), each: read("each"), tick: read("tick") };
const of = (side, key) => median(sides[side].map((round) => round[key]));

console.log("side     deliveries/s  server CPU s  ack p50 ms  ack p99 ms  RSS MiB");
for (const side of Object.keys(sides)) {
  console.log(
    side.padEnd(8),
    of(side, "deliveries_per_second").toFixed(0).padStart(12),
    of(side, "server_cpu_seconds").toFixed(2).padStart(13),
    of(side, "ack_ms_p50").toFixed(1).padStart(11),
    of(side, "ack_ms_p99").toFixed(1).padStart(11),
    (of(side, "server_rss_kib") / 1024).toFixed(1).padStart(8),
  );
}
for (const peer of ["each", "tick"]) {
  const ratios = sides.server.map(
    (round, i) => round.deliveries_per_second / sides[peer][i].deliveries_per_second,
  );
  const list = ratios.map((ratio) => ratio.toFixed(1)).join(" ");
  console.log(`server / ${peer}: ${list}, median ${median(ratios).toFixed(1)}`);
}
