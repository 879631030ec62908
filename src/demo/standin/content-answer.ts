import type { Answer } from './answer.js'
import { readRanges } from './byte-ranges.js'
import type { Call } from './call.js'

interface Content {
  readonly bytes: Buffer
  readonly type: string
  readonly modifiedAt: number
  readonly headers: Answer['headers']
  readonly routed: Answer['routed']
  /** 11.x drops these headers on 416, 5.36 does not. */
  readonly dropsCachingOnError: boolean
}

/** Bytes with conditions and ranges, as Go's `http.ServeContent` answers them. */
export function contentAnswer(call: Call, content: Content): Answer {
  const { bytes, type, routed } = content
  const lastModified = new Date(content.modifiedAt).toUTCString()
  const headers = { ...content.headers, 'Last-Modified': lastModified }
  const since = Date.parse(call.headers['if-modified-since'] ?? '')
  if (since >= Math.floor(content.modifiedAt / 1000) * 1000) return { status: 304, headers, body: '', routed }
  const ranges = readRanges(call.headers.range, bytes.length)
  const whole = { ...headers, 'Accept-Ranges': 'bytes', 'Content-Type': type }
  if (ranges === null) return { status: 200, headers: whole, body: bytes, routed }
  if (ranges === 'unsatisfiable') return unsatisfiable(content, headers)
  const [range, ...others] = ranges
  if (range !== undefined && others.length === 0) {
    const part = { ...whole, 'Content-Range': `bytes ${range.first}-${range.last}/${bytes.length}` }
    return { status: 206, headers: part, body: bytes.subarray(range.first, range.last + 1), routed }
  }
  const boundary = 'standinboundary'
  const parts = ranges.map(({ first, last }) => {
    const lead = `--${boundary}\r\nContent-Range: bytes ${first}-${last}/${bytes.length}\r\nContent-Type: ${type}\r\n\r\n`
    return Buffer.concat([Buffer.from(lead), bytes.subarray(first, last + 1), Buffer.from('\r\n')])
  })
  const multipart = { ...whole, 'Content-Type': `multipart/byteranges; boundary=${boundary}` }
  return {
    status: 206,
    headers: multipart,
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    routed,
  }
}

function unsatisfiable(content: Content, headers: Answer['headers']): Answer {
  const all: Record<string, string | readonly string[]> = {
    ...headers,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Range': `bytes */${content.bytes.length}`,
  }
  const dropped = content.dropsCachingOnError ? ['Last-Modified', 'Cache-Control'] : []
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => !dropped.includes(name)))
  return { status: 416, headers: kept, body: 'invalid range: failed to overlap\n', routed: content.routed }
}
