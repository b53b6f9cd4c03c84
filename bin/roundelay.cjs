#!/usr/bin/env node
// The command. No ES module: what is set here must stand before the first of them is read.
const { setFlagsFromString } = require('node:v8')

// The threads that all file calls and name look-ups share. The usual four are few where drives that hang hold some of them.
process.env.UV_THREADPOOL_SIZE ??= '16'
// A command lives for a second or two, and V8 would spend a third of its processor time on optimising what is hardly run
// again (ADR 8). So it waits ten times longer, which a server makes up for within a minute; and undici's HTTP parser, one
// huge function of WebAssembly, is compiled once, by the quick compiler.
for (const flag of [
  '--interrupt-budget=700000',
  '--no-wasm-tier-up',
  '--no-wasm-dynamic-tiering',
]) {
  setFlagsFromString(flag)
}

void import('../dist/command/main.js')
