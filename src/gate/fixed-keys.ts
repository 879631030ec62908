import type { Config } from '../config/config.js'

type Read = (config: Config) => unknown

/** What is built once at the start, listeners and store above all, by the keys that the operator knows. */
const fixedKeys: readonly (readonly [key: string, read: Read])[] = [
  ['listen', ({ listen }) => listen],
  ['public.url', (config) => config.public.url],
  ['proxy.certificate', ({ proxy }) => proxy.certificate],
  ['proxy.certificateHeader', ({ proxy }) => proxy.certificateHeader],
  ['proxy.subjectHeader', ({ proxy }) => proxy.subjectHeader],
  ['proxy.verifyHeader', ({ proxy }) => proxy.verifyHeader],
  ['mattermost', ({ mattermost }) => mattermost],
  ['sessions', ({ sessions }) => sessions],
  ['limits.headerBytes', ({ limits }) => limits.headerBytes],
  ['limits.bodyBytes', ({ limits }) => limits.bodyBytes],
  ['limits.connections', ({ limits }) => limits.connections],
  ['limits.websockets', ({ limits }) => limits.websockets],
  ['timeouts.header', ({ timeouts }) => timeouts.headerMs],
  ['timeouts.upstreamConnect', ({ timeouts }) => timeouts.upstreamConnectMs],
  ['timeouts.upstreamAnswer', ({ timeouts }) => timeouts.upstreamAnswerMs],
  ['timeouts.websocketIdle', ({ timeouts }) => timeouts.websocketIdleMs],
  ['timeouts.clientIdle', ({ timeouts }) => timeouts.clientIdleMs],
  ['audit.file', ({ audit }) => audit.file],
  ['audit.chain', ({ audit }) => audit.chain],
  ['metrics', ({ metrics }) => metrics],
]

/** The keys that differ and cannot change while running. */
export function changedFixedKeys(before: Config, after: Config): readonly string[] {
  return fixedKeys
    .filter(([, read]) => JSON.stringify(read(before)) !== JSON.stringify(read(after)))
    .map(([key]) => key)
}
