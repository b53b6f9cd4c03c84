#!/usr/bin/env node
// The command. No ES module: reading one begins to use the threads that all file calls and name look-ups share, and
// then their number stands. The usual four are few where drives that hang hold some of them.
process.env.UV_THREADPOOL_SIZE ??= '16'
void import('../dist/cli/main.js')
