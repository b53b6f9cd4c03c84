import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nginxDavModule } from './installed.ts'
import { type RunningServer, type ServerOptions, startProcess } from './process.ts'

/** nginx with dav-ext: tells size and time in listings, and no ETag. Serves at `/dav/`. */
export function startNginx({ root }: ServerOptions): Promise<RunningServer> {
  return startProcess(async (port, dir) => {
    const conf = join(dir, 'nginx.conf')
    await writeFile(conf, configuration(port, dir, root))
    const args = ['-p', dir, '-c', conf, '-g', 'daemon off;', '-e', join(dir, 'error.log')]
    return { command: 'nginx', args, path: '/dav/' }
  })
}

function configuration(port: number, dir: string, root: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `load_module ${nginxDavModule};
user www-data;
worker_processes 1;
pid ${dir}/nginx.pid;
events { worker_connections 128; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location /dav/ {
      alias ${root}/;
      dav_ext_methods PROPFIND OPTIONS;
    }
  }
}
`
}
