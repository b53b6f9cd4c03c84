/** The peers' packages: no dependencies of the product, so they are installed into bench/ when they are first needed. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const bench = new URL('../', import.meta.url)

/** Installs what bench/package.json asks for, unless it is there already; why that cannot be had, or null. */
export async function installPackages(note: (text: string) => void): Promise<string | null> {
  if (await isInstalled()) return null
  note('Installing the packages of the peers into bench/node_modules ...')
  try {
    await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: fileURLToPath(bench),
      timeout: longestInstallMs,
    })
    return null
  } catch (error) {
    const complaint = error instanceof Error ? error.message : String(error)
    return `npm ci in bench/ failed: ${complaint.slice(0, longestComplaint)}`
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
