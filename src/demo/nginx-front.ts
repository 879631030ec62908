import { type ChildProcess, spawn } from 'node:child_process'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface NginxFrontOptions {
  /** A folder of nginx's own: configuration, pid, logs. */
  readonly folder: string
  readonly port: number
  readonly certificate: string
  readonly key: string
  readonly clientCa: string
  /** Where it passes requests: `unix:/path` or `127.0.0.1:8066`. */
  readonly upstream: string
}

const binaries = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx', '/opt/homebrew/bin/nginx']
const startMs = 10_000

/** A real nginx with the very lines of the Mattermost guide, in front of the gateway. */
export class NginxFront {
  readonly #process: ChildProcess

  private constructor(process: ChildProcess) {
    this.#process = process
  }

  static async start(options: NginxFrontOptions): Promise<NginxFront> {
    const binary = await findNginx()
    await mkdir(options.folder, { recursive: true })
    const file = join(options.folder, 'nginx.conf')
    await writeFile(file, guideConfiguration(options))
    const child = spawn(binary, ['-p', options.folder, '-c', file, '-e', 'error.log'], { stdio: 'ignore' })
    const front = new NginxFront(child)
    await front.#listening(options)
    return front
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill('SIGTERM')
    await ended
  }

  async #listening(options: NginxFrontOptions): Promise<void> {
    for (let waitedMs = 0; waitedMs < startMs; waitedMs += 50) {
      if (this.#process.exitCode !== null) break
      if (await accepts(options.port)) return
      await sleep(50)
    }
    await this.stop()
    throw new Error(`nginx did not start: see ${join(options.folder, 'error.log')}`)
  }
}

async function findNginx(): Promise<string> {
  for (const binary of binaries) {
    const found = await access(binary).then(
      () => true,
      () => false,
    )
    if (found) return binary
  }
  throw new Error('nginx is not installed. On Debian: sudo apt-get install nginx')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1')
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}

/** The snippet of the guide as it stands there, within the least that nginx needs around it. */
function guideConfiguration(options: NginxFrontOptions): string {
  const proxy = `
      proxy_set_header X-SSL-Client-Cert $ssl_client_cert;
      proxy_set_header X-SSL-Client-Cert-Subject-DN $ssl_client_s_dn;
      proxy_set_header Host $http_host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_http_version 1.1;`
  // Started by root, nginx would leave the demo's folder behind and could not reach the socket in it.
  const { username } = userInfo()
  return `daemon off;
user ${username};
pid nginx.pid;
error_log error.log;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream mattergate {
    server ${options.upstream};
    keepalive 16;
  }
  server {
    listen 127.0.0.1:${options.port} ssl;
    server_name localhost;
    ssl_certificate ${options.certificate};
    ssl_certificate_key ${options.key};
    ssl_client_certificate ${options.clientCa};
    ssl_verify_client on;
    location ~ /api/v[0-9]+/(users/)?websocket$ {${proxy}
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout 600s;
      proxy_pass http://mattergate;
    }
    location / {${proxy}
      proxy_set_header Connection "";
      client_max_body_size 100M;
      proxy_read_timeout 600s;
      proxy_pass http://mattergate;
    }
  }
}
`
}
