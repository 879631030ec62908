import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from './free-port.js'

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx']

export interface Ports {
  readonly plain: number
  readonly tls: number
}

/** The site as printed, but for the ports and the files that are the operator's to name. */
export function writeNginx(
  folder: string,
  site: string,
  { plain, tls }: Ports = { plain: 18_080, tls: 18_443 },
): string {
  const local = site
    .replaceAll('listen 80;', `listen 127.0.0.1:${plain};`)
    .replaceAll('listen 443 ssl', `listen 127.0.0.1:${tls} ssl`)
    .replaceAll(/\/etc\/letsencrypt\/live\/[^/]+\/fullchain\.pem/g, join(folder, 'server.crt'))
    .replaceAll(/\/etc\/letsencrypt\/live\/[^/]+\/privkey\.pem/g, join(folder, 'server.key'))
    .replaceAll('/etc/nginx/', `${folder}/`)
  writeFileSync(join(folder, 'site.conf'), local)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const paths = temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `${user} daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 64; }
http { access_log off; ${paths}
include ${folder}/site.conf; }`,
  )
  return file
}

export function nginxBinary(): string {
  const found = nginx.find((path) => spawnSync(path, ['-v']).status === 0)
  if (found === undefined) throw new Error('nginx is not installed: apt-get install nginx')
  return found
}

/** A real nginx with the printed site, its server's certificate in server.crt and server.key of the folder. */
export async function startNginx(t: Test, folder: string, site: string, wanted?: Ports): Promise<Ports> {
  const ports = wanted ?? { plain: await freePort(), tls: await freePort() }
  const child = spawn(nginxBinary(), ['-p', folder, '-c', writeNginx(folder, site, ports)], {
    stdio: 'ignore',
  })
  t.teardown(() => stop(child))
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) throw new Error(readFileSync(join(folder, 'error.log'), 'utf8'))
    if (await answers(ports.tls)) return ports
    await new Promise((wake) => setTimeout(wake, 25))
  }
  throw new Error('nginx did not start')
}

async function answers(port: number): Promise<boolean> {
  const probe = connectTcp(port, '127.0.0.1')
  const up = await new Promise<boolean>((settle) => {
    probe.once('connect', () => settle(true)).once('error', () => settle(false))
  })
  probe.destroy()
  return up
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
