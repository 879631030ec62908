// A load of 64 keep-alive connections for some seconds: wrk where it is installed, else a small one of ours.
import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const connections = 64
const run = promisify(execFile)

/** How many requests were answered with 200; throws where any was not. */
export async function load({ port, path, headers, seconds }) {
  const url = `http://127.0.0.1:${port}${path}`
  const options = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  try {
    const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, ...options, url])
    const problem = /Non-2xx.*|Socket errors.*/.exec(stdout)
    if (problem !== null) throw new Error(`${url}: ${problem[0]}`)
    return Number(/(\d+) requests in/.exec(stdout)[1])
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return inWorker({ port, path, headers, seconds })
  }
}

function inWorker(data) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

/** One request after the other on each connection; an answer is known by its length. */
function generate({ port, path, headers, seconds }, done) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${lines.join('')}\r\n`)
  let answered = 0
  let stopping = false
  let open = connections
  const one = () => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    let missing = 0
    socket.on('data', (chunk) => {
      if (missing === 0) {
        const head = chunk.toString('latin1')
        const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)
        if (!head.startsWith('HTTP/1.1 200') || length === null) throw new Error(head.slice(0, 300))
        missing = head.indexOf('\r\n\r\n') + 4 + Number(length[1])
      }
      missing -= chunk.length
      if (missing > 0) return
      answered += 1
      if (!stopping) socket.write(request)
      else socket.end()
    })
    socket.on('close', () => {
      open -= 1
      if (open === 0) done(answered)
    })
  }
  for (let at = 0; at < connections; at += 1) one()
  setTimeout(() => (stopping = true), seconds * 1_000)
}

if (!isMainThread && workerData?.path !== undefined) {
  generate(workerData, (answered) => parentPort.postMessage(answered))
}
