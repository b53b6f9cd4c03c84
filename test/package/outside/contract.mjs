// Runs the contract on the tiny drive, under Node's own test runner.
import { test } from 'node:test'
import { sourceContract } from 'roundelay/testing'
import { TinyDrive } from './tiny-drive.mjs'

const open = async () => {
  const source = new TinyDrive()
  return {
    source,
    /** @param {string} path @param {Uint8Array} bytes */
    put: async (path, bytes) => source.write(path, bytes),
    /** @param {string} path */
    remove: async (path) => source.write(path, null),
    close: () => source.close(),
  }
}
for (const { name, run } of sourceContract({ open })) void test(name, run)
