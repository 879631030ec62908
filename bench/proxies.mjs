// How each proxy is started, in a process of its own. `null`: it is not there.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'

const here = import.meta.dirname
const cli = join(here, '../dist/cli.js')

/** A module of this folder that reports its port. */
export async function startModule(name, ...args) {
  const child = fork(join(here, name), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [port] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${name} ended`))),
  ])
  return { child, port }
}

export async function startNginx(folder, upstreamPort) {
  const program = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((file) =>
    existsSync(file),
  )
  if (program === undefined) return null
  const port = await freePort()
  const file = join(folder, 'nginx.conf')
  await writeFile(
    file,
    `master_process off; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log warn;
events { worker_connections 2048; }
http {
  access_log off; keepalive_requests 1000000000;
  large_client_header_buffers 4 32k;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  upstream mattermost { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://mattermost; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-SSL-Client-Cert "";
    }
  }
}
`,
  )
  const child = spawn(program, ['-e', `${folder}/nginx.log`, '-p', folder, '-c', file], { stdio: 'inherit' })
  await listening(port, child)
  return { child, port }
}

/** Where OAUTH2_PROXY names its program. Everybody is let in by address: its sessions would cost more. */
export async function startOauth2Proxy(upstreamPort) {
  const program = process.env.OAUTH2_PROXY
  if (program === undefined) return null
  const port = await freePort()
  const child = spawn(
    program,
    [
      ...['--provider=github', '--client-id=bench', '--client-secret=bench', '--email-domain=*'],
      ...['--cookie-secret=0123456789abcdef', '--trusted-ip=127.0.0.1', '--reverse-proxy=false'],
      ...['--request-logging=false', '--auth-logging=false', '--standard-logging=false'],
      ...[`--upstream=http://127.0.0.1:${upstreamPort}/`, `--http-address=127.0.0.1:${port}`],
    ],
    { stdio: 'ignore' },
  )
  await listening(port, child)
  return { child, port }
}

/**
 * `mattergate serve` before the same upstream, with the whole gate on. `caFile` holds the certificate's
 * authority, `adminToken` the stand-in's.
 */
export async function startMattergate(folder, { upstreamPort, caFile, adminToken, auditRequests }) {
  if (!existsSync(cli)) return null
  const state = join(folder, auditRequests)
  await mkdir(state, { recursive: true, mode: 0o700 })
  const port = await freePort()
  const tokenFile = join(state, 'admin-token')
  await writeFile(tokenFile, adminToken, { mode: 0o600 })
  const file = join(state, 'config.yaml')
  await writeFile(
    file,
    `listen: { host: 127.0.0.1, port: ${port} }
public: { url: "http://127.0.0.1:${port}" }
proxy: { trusted: [127.0.0.1/32] }
trust: [{ name: staff, ca: ${JSON.stringify(caFile)} }]
mattermost: { url: "http://127.0.0.1:${upstreamPort}", signIn: access-token, admin: { tokenFile: ${JSON.stringify(tokenFile)} } }
sessions: { path: ${JSON.stringify(join(state, 'store'))} }
audit: { file: ${JSON.stringify(join(state, 'audit.jsonl'))}, requests: ${auditRequests} }
log: { level: warn }
`,
  )
  const output = []
  const child = spawn(process.execPath, [cli, 'serve', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.on('data', (chunk) => output.push(chunk))
  child.stderr.on('data', (chunk) => output.push(chunk))
  try {
    await listening(port, child)
  } catch (error) {
    throw new Error(`mattergate serve: ${Buffer.concat(output)}`, { cause: error })
  }
  return { child, port }
}

/** utime + stime of a process and its threads, in seconds (proc(5)). */
export async function processorSeconds(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'latin1')).replace(/^.*\) /, '').split(' ')
  const ticksPerSecond = 100
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port, child) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`)
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing listens on ${port}`)
}
