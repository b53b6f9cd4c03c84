// Compiles src to dist, and the command with it into a few files: see docs/adr/0008-the-command-is-bundled.md.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const withoutTags = 'scripts/no-common-tags.mjs'
const tsc = join(root, 'node_modules/typescript/bin/tsc')
// A package that was installed from a registry brings dist and no compiler.
if (existsSync(tsc)) {
  // Made beside it and moved there whole: who runs the command meanwhile meets the old one or the new one.
  const made = mkdtempSync(`${root}dist-`)
  try {
    const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', made]
    execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
    chmodSync(made, 0o755)
    await bundle(made)
    rmSync(`${root}dist`, { recursive: true, force: true })
    renameSync(made, `${root}dist`)
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

/**
 * The command in a file for each of its parts that are loaded when they are needed, and each of its threads in one.
 * @param {string} made
 */
async function bundle(made) {
  const { build } = await import('esbuild')
  /** @type {import('esbuild').BuildOptions} */
  const options = {
    absWorkingDir: root,
    outdir: join(made, 'command'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    metafile: true,
    logLevel: 'warning',
    // A native module, and what only serve loads, when it does.
    external: ['@photostructure/sqlite', 'fastify', '@fastify/*', 'typebox', 'pino', 'prom-client'],
    plugins: [{ name: 'no common tags', setup: withoutCommonTags }],
    // CommonJS inside asks for Node's own modules with it.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'\nconst require = requireOf(import.meta.url)",
    },
  }
  const entries = ['cli/main.js', 'library/tags/parse-worker.js', 'content/verify-worker.js']
  const built = await Promise.all(
    entries.map((entry, n) =>
      build({ ...options, entryPoints: [join(made, entry)], splitting: n === 0 }),
    ),
  )
  const files = built.flatMap(({ metafile }) => Object.keys(metafile?.inputs ?? {}))
  if (!files.includes(withoutTags))
    throw new Error(`${withoutTags} stands in for nothing any more.`)
  writeFileSync(join(made, 'command/LICENSES.txt'), await noticesOf(files))
}

/** @param {import('esbuild').PluginBuild} build */
function withoutCommonTags(build) {
  const path = join(root, withoutTags)
  build.onResolve({ filter: /\/CombinedTagMapper\.js$/ }, () => ({ path }))
}

/**
 * The licences of the packages that the bundle holds.
 * @param {readonly string[]} files
 */
async function noticesOf(files) {
  const folders = new Set(
    files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
  )
  const notices = [...folders].toSorted().map(async (folder) => {
    const names = await readdir(join(root, folder))
    const name = names.find((each) => /^licen[cs]e/i.test(each))
    const text = name === undefined ? await declared(folder) : await text8(join(root, folder, name))
    return `${folder.replace(/^.*node_modules\//, '')}\n\n${text.trim()}\n`
  })
  return (await Promise.all(notices)).join(`\n${'-'.repeat(80)}\n\n`)
}

/** @param {string} folder */
async function declared(folder) {
  const { license, author } = JSON.parse(await text8(join(root, folder, 'package.json')))
  return `Licence: ${license}. Author: ${author?.name ?? author ?? 'see its package'}.`
}

/** @param {string} path */
function text8(path) {
  return readFile(path, 'utf8')
}
