import { join } from 'node:path'
import { v2 } from 'webdav-server'
import { freePort, type RunningServer, type ServerOptions } from './process.ts'

/**
 * The npm package webdav-server, an odd one: absolute hrefs, ETags that differ between listing and GET, ranges with
 * an unknown total, 206 for ranges behind the end of the file. Serves at `/`.
 */
export async function startWebdavServer({ root }: ServerOptions): Promise<RunningServer> {
  const port = await freePort()
  const server = new v2.WebDAVServer({ hostname: '127.0.0.1', port })
  await server.setFileSystemAsync('/', new v2.PhysicalFileSystem(root), true)
  await server.startAsync(port)
  return { url: `http://127.0.0.1:${port}/`, dir: join(root), stop: () => server.stopAsync() }
}
