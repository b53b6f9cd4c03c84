/** The peers' packages: no dependencies of the product, so they are installed into bench/ when they are first needed. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const bench = new URL('../', import.meta.url)

/** Installs what bench/package.json asks for, unless it is there already; why that cannot be had, or null. */
export function installPackages(note: (text: string) => void): Promise<string | null> {
  installing ??= install(note)
  return installing
}

/** Once a run, whoever asks: what failed would fail again. */
let installing: Promise<string | null> | undefined

/** By the lock file, which stays as it is; `npm ci` refuses one that leaves out optional builds for other platforms. */
const parameters = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']

async function install(note: (text: string) => void): Promise<string | null> {
  if (await isInstalled()) return null
  note('Installing the packages of the peers into bench/node_modules ...')
  try {
    await promisify(execFile)('npm', parameters, {
      cwd: fileURLToPath(bench),
      timeout: longestInstallMs,
    })
    return null
  } catch (error) {
    const complaint = error instanceof Error ? error.message : String(error)
    return `npm install in bench/ failed: ${complaint.replaceAll(/\s+/g, ' ').slice(0, longestComplaint)}`
  }
}

const longestInstallMs = 300_000
/** Characters of what npm says. */
const longestComplaint = 500

async function isInstalled(): Promise<boolean> {
  const { dependencies } = await manifest<{ dependencies: Record<string, string> }>('package.json')
  for (const [name, wanted] of Object.entries(dependencies)) {
    const path = `node_modules/${name}/package.json`
    if (!existsSync(new URL(path, bench))) return false
    const { version } = await manifest<{ version: string }>(path)
    if (version !== wanted) return false
  }
  return true
}

async function manifest<Content>(path: string): Promise<Content> {
  return JSON.parse(await readFile(new URL(path, bench), 'utf8')) as Content
}
