// Compiles src to dist and makes the command executable.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
// A package that was installed from a registry brings dist and no compiler.
if (existsSync(tsc)) {
  // Compiled beside it and moved there whole: who runs the command meanwhile meets the old one or the new one.
  const made = mkdtempSync(`${root}dist-`)
  try {
    const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', made]
    execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
    chmodSync(made, 0o755)
    chmodSync(`${made}/cli/main.js`, 0o755)
    rmSync(`${root}dist`, { recursive: true, force: true })
    renameSync(made, `${root}dist`)
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}
