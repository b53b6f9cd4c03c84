/** The package as it would be published, used from outside: by its names, with its production packages only. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
let home = ''

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'roundelay-package-'))
  await cp(fileURLToPath(new URL('outside', import.meta.url)), home, { recursive: true })
  const packed = join(home, 'node_modules/roundelay')
  for (const file of await packedFiles()) await cp(join(root, file), join(packed, file))
  const text = await readFile(join(root, 'package.json'), 'utf8')
  // npm's own file.
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> }
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    const link = join(home, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(root, 'node_modules', name), link)
  }
})

afterAll(() => rm(home, { recursive: true }))

test('a drive written outside passes the contract', async () => {
  const { stdout } = await node('--test', '--test-reporter=tap', 'contract.mjs')
  expect(stdout).toMatch(/^# pass 19$/m)
  expect(stdout).toMatch(/^# fail 0$/m)
})

test('the engine runs inside of another program', async () => {
  const { stdout } = await node('embed.mjs')
  expect(JSON.parse(stdout)).toEqual({ files: 10, bytes: 45 })
})

test('its types hold for a stranger', async () => {
  const options = { target: 'es2023', module: 'nodenext', strict: true, types: ['node'] }
  const compilerOptions = { ...options, allowJs: true, checkJs: true, noEmit: true }
  await writeFile(
    join(home, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { ...compilerOptions, skipLibCheck: true },
      include: ['*.mjs'],
    }),
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const said = await node(tsc, '-p', home).catch(({ stdout }: { stdout: string }) => ({ stdout }))
  expect(said.stdout).toBe('')
})

test('its command runs', async () => {
  const { stdout } = await node(command, '--version')
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test.skipIf(process.platform !== 'linux')(
  'its command has sixteen threads for files and names, unless it is told otherwise',
  async () => {
    const count = 'process.on("exit", () => console.log(fs.readdirSync("/proc/self/task").length))'
    await writeFile(join(home, 'count.cjs'), `const fs = require('node:fs')\n${count}\n`)
    const threads = async (env: NodeJS.ProcessEnv): Promise<number> => {
      const args = ['--require', './count.cjs', command, '--version']
      const { stdout } = await run(process.execPath, args, { cwd: home, env })
      return Number(stdout.trim().split('\n').at(-1))
    }
    const { UV_THREADPOOL_SIZE: _, ...env } = process.env
    const few = await threads({ ...env, UV_THREADPOOL_SIZE: '4' })
    expect((await threads(env)) - few).toBe(12)
  },
)

const command = 'node_modules/roundelay/bin/roundelay.cjs'

/** What npm would put into the archive. */
async function packedFiles(): Promise<string[]> {
  const pack = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const { stdout } = await run('npm', pack, { cwd: root, maxBuffer: 16 * 1_048_576 })
  // npm's own answer.
  const [archive] = JSON.parse(stdout) as [{ readonly files: readonly { readonly path: string }[] }]
  return archive.files.map(({ path }) => path)
}

function node(...args: readonly string[]): Promise<{ stdout: string }> {
  return run(process.execPath, args, { cwd: home, timeout: maxRunMs })
}

const maxRunMs = 25_000
