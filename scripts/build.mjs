// Compiles src to dist and makes the command executable.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
// A package that was installed from a registry brings dist and no compiler.
if (existsSync(tsc)) {
  rmSync(`${root}dist`, { recursive: true, force: true })
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
  chmodSync(`${root}dist/cli/main.js`, 0o755)
}
