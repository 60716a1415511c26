// Loaded into each server before its own code: it listens on a free port of
// this machine only, whatever it was told, says which, and ends with the test.
"use strict";
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  this.once("listening", () => console.log(`listening on port ${this.address().port}`));
  return listen.call(this, { host: "127.0.0.1", port: 0 }, ...args.filter((a) => typeof a === "function"));
};
process.stdin.on("end", () => process.exit()).resume(); // the test holds the other end
