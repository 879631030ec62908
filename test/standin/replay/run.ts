import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Standin, startStandin } from '../../../src/demo/standin/standin.js'
import type { Generation } from '../../../src/demo/standin/traits.js'
import { Placeholders } from './placeholders.js'

/** Short, so that what ends a socket after five seconds is seen soon. */
export const challengeTimeoutMs = 250

/** One replay: a stand-in with the recordings' users, and what stands for their placeholders. */
export interface Run {
  readonly standin: Standin
  readonly known: Placeholders
  readonly socketPath: string
  /** A request with the administrator's token; its answer's JSON. */
  readonly asAdministrator: (method: string, path: string, body: object) => Promise<unknown>
  readonly close: () => Promise<void>
}

const usernames = ['alice', 'bob', 'dave', 'erin', 'frank', 'grace', 'heidi']

export async function startRun(generation: Generation): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'standin-'))
  const socketPath = join(folder, 'local.socket')
  const standin = await startStandin({
    generation,
    challengeTimeoutMs,
    localSocket: socketPath,
    users: [
      { username: 'admin', password: 'Recorder-1-admin', roles: 'system_admin system_user' },
      ...usernames.map((username) => ({
        username,
        password: `Recorder-1-${username}`,
        teamMember: username !== 'heidi',
      })),
      { username: 'carol', password: 'Recorder-1-carol', deactivated: true },
      { username: 'robot', firstName: 'Robot', bot: true },
    ],
  })
  const asAdministrator = async (method: string, path: string, body: object): Promise<unknown> => {
    // Not by the access token: some scenarios switch those off.
    const { token } = standin.openSession('admin')
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(`${standin.url}/api/v4${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`)
    return answer.json()
  }
  const known = new Placeholders(standin, async (username) => {
    const path = `/users/${standin.user(username).id}/tokens`
    return (await asAdministrator('POST', path, { description: 'mattergate' })) as {
      id: string
      token: string
    }
  })
  const close = async () => {
    await standin.close()
    await rm(folder, { recursive: true })
  }
  return { standin, known, socketPath, asAdministrator, close }
}
