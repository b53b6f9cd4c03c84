/** nginx as a WebDAV server over a folder, on this machine only, with a log that counts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from './tools.ts'

export interface WebdavServer extends AsyncDisposable {
  readonly port: number
  /** Every request that has ended so far, in the order of their ends. */
  readonly requests: () => Promise<readonly Request[]>
}

export interface Request {
  readonly method: string
  readonly status: number
  /** Headers included; for a request that was given up, what nginx handed to the system until then. */
  readonly sentBytes: number
  /** Empty for a whole file. */
  readonly range: string
  /** Which connection, counted by nginx. */
  readonly connection: number
  readonly path: string
}

const davModule = '/usr/lib/nginx/modules/ngx_http_dav_ext_module.so'

/** Why there can be no server, or null. */
export function missingServer(): string | null {
  if (findProgram('nginx') === null) return 'nginx is not installed'
  return existsSync(davModule)
    ? null
    : 'nginx has no WebDAV module (Debian: libnginx-mod-http-dav-ext)'
}

export async function startServer(root: string): Promise<WebdavServer> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-nginx-'))
  const port = await freePort()
  const log = join(folder, 'access.log')
  await writeFile(join(folder, 'nginx.conf'), configuration(root, folder, port))
  const nginx = spawn(
    findProgram('nginx') ?? 'nginx',
    ['-p', folder, '-c', join(folder, 'nginx.conf')],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  await untilListening(port, () => nginx.exitCode === null)
  return {
    port,
    requests: async () =>
      (await readFile(log, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map(parseRequest),
    [Symbol.asyncDispose]: async () => {
      const ended = once(nginx, 'exit')
      nginx.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What a distribution sets up, but for a folder, a log and a user of its own. */
const configuration = (root: string, folder: string, port: number): string => `
load_module ${davModule};
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 2;
error_log stderr crit;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  sendfile on;
  tcp_nopush on;
  log_format counted '$request_method $status $bytes_sent "$http_range" $connection $request_uri';
  access_log ${folder}/access.log counted;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  types { audio/mpeg mp3; audio/flac flac; audio/mp4 m4a; audio/ogg ogg opus; image/jpeg jpg; }
  server {
    listen 127.0.0.1:${port};
    root "${root}";
    location / { dav_ext_methods PROPFIND OPTIONS; }
  }
}
`

function parseRequest(line: string): Request {
  const parts = /^(\S+) (\d+) (\d+) "([^"]*)" (\d+) (.*)$/u.exec(line)
  if (parts === null) throw new Error(`The log of nginx holds a line that is not ours: ${line}`)
  const [, method = '', status, sentBytes, range = '', connection, path = ''] = parts
  return {
    method,
    status: Number(status),
    sentBytes: Number(sentBytes),
    range: range === '-' ? '' : range,
    connection: Number(connection),
    path,
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}

const startupMs = 5000
const stepMs = 20

async function untilListening(port: number, isAlive: () => boolean): Promise<void> {
  for (let waitedMs = 0; waitedMs < startupMs && isAlive(); waitedMs += stepMs) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await sleep(stepMs)
  }
  throw new Error(`nginx does not listen on port ${port}.`)
}
