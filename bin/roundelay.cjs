#!/usr/bin/env node
// The command. No ES module: what is set here must stand before the first of them is read.
const { setFlagsFromString } = require('node:v8')

// The threads that all file calls and name look-ups share. The usual four are few where drives that hang hold some of them.
process.env.UV_THREADPOOL_SIZE ??= '16'
const isContentNode = process.argv.includes('--content') || 'ROUNDELAY_CONTENT' in process.env
if (isContentNode) {
  // It begins with its hardest work, and goes on for weeks. V8 would let the heap grow to four times what is in use before it
  // looks for garbage; twice is as quick, and a third of the memory of a bootstrap less.
  setFlagsFromString('--heap-growing-percent=100')
} else {
  // A command lives for a second or two, and V8 would spend a third of its processor time on optimising what is hardly run
  // again (ADR 8). Undici's HTTP parser, one huge function of WebAssembly, is compiled once, by the quick compiler.
  setFlagsFromString('--no-wasm-tier-up')
  setFlagsFromString('--no-wasm-dynamic-tiering')
  // Everything else waits ten times longer, which a server makes up for within a minute. Later versions have no such flag.
  if (process.versions.node.startsWith('20.')) setFlagsFromString('--interrupt-budget=700000')
}

void import('../dist/command/main.js')
