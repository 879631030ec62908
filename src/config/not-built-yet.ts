import type { IssueList } from './issue-list.js'
import { findValues } from './key-path.js'
import { parseDuration } from './units.js'

interface NotBuilt {
  readonly key: string
  /** Values that ask for nothing. */
  readonly inert: (value: unknown) => boolean
  /** What to set the key to; null: it can only be removed. */
  readonly instead: string | null
}

/**
 * What the configuration can name and the gateway cannot do yet. Refused with a sentence, never
 * ignored; whoever builds a feature deletes its lines here.
 */
const notBuiltYet: readonly NotBuilt[] = [
  { key: 'trust.*.provision', inert: is(null), instead: 'null' },
  {
    key: 'mattermost.signIn',
    inert: (value) => value !== 'oauth' && value !== 'password',
    instead: 'access-token',
  },
  { key: 'mattermost.oauth', inert: is(null), instead: 'null' },
  { key: 'control', inert: is(null), instead: null },
  { key: 'stepUp', inert: isEmpty, instead: '[]' },
  { key: 'sessions.store', inert: is('embedded'), instead: 'embedded' },
  { key: 'sessions.url', inert: is(null), instead: 'null' },
  { key: 'sessions.idle', inert: lasts('12h'), instead: '12h' },
  { key: 'sessions.maxAge', inert: lasts('30d'), instead: '30d' },
]

export function refuseNotBuilt(root: unknown, issues: IssueList): void {
  for (const { key, inert, instead } of notBuiltYet) {
    for (const { path, value } of findValues(root, key)) {
      if (inert(value)) continue
      const remedy = instead === null ? 'remove the key' : `remove the key or set it to ${instead}`
      issues.add(path, `${described(value)} is not built yet: ${remedy}`)
    }
  }
}

function described(value: unknown): string {
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : 'this'
}

function is(inert: unknown): (value: unknown) => boolean {
  return (value) => value === inert
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function lasts(duration: string): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && parseDuration(value) === parseDuration(duration)
}
