import { newId } from '../../../src/demo/standin/ids.js'
import type { Standin } from '../../../src/demo/standin/standin.js'
import type { Scenario } from './recording.js'

/** Where the servers listened whose answers were recorded. */
const recordedHost = /127\.0\.0\.1:806\d/g
const placeholder = /<[A-Z][A-Z-]*(?::[^<>]*)?>/g
/** What stands for any value, a new one each time. */
const anything = /^<(MS|DATE|REQUEST-ID|VERSION|CONFIG-HASH|HOSTNAME|SIGNATURE|BOUNDARY|PORT|CORRECT|WRONG)>$/

/** The values that stand for the recordings' placeholders in one run. */
export class Placeholders {
  readonly #values = new Map<string, string>()
  readonly #standin: Standin
  readonly #makeToken: (username: string) => Promise<{ id: string; token: string }>

  constructor(standin: Standin, makeToken: (username: string) => Promise<{ id: string; token: string }>) {
    this.#standin = standin
    this.#makeToken = makeToken
    for (const [name, { id }] of Object.entries(standin.users)) this.bind(`<ID:${name}>`, id)
    this.bind('<ID:team>', standin.teamId)
    this.bind('<ID:town-square>', standin.channelId)
  }

  bind(name: string, value: string): void {
    this.#values.set(name, value)
  }

  valueOf(name: string): string {
    const value = this.#values.get(name)
    if (value === undefined) throw new Error(`nothing stands for ${name}`)
    return value
  }

  /** Makes what a scenario presents without having been given it: the recorder had made it before. */
  async prepare({ steps }: Scenario): Promise<void> {
    const given = new Set<string>()
    for (const step of steps) {
      const sent = [step.request, (step.frames ?? []).filter((frame) => frame.from === 'client')]
      for (const name of JSON.stringify(sent).match(placeholder) ?? []) {
        if (!given.has(name) && !this.#values.has(name)) await this.#make(name)
      }
      const received = [step.response, (step.frames ?? []).filter((frame) => frame.from === 'server')]
      for (const name of JSON.stringify(received).match(placeholder) ?? []) given.add(name)
    }
  }

  async #make(name: string): Promise<void> {
    const [kind, username = '', number = ''] = name.slice(1, -1).split(':')
    if (kind === 'SESSION' || kind === 'CSRF') {
      const session = this.#standin.openSession(this.#nameOf(username))
      this.bind(`<SESSION:${username}:${number}>`, session.token)
      this.bind(`<CSRF:${username}:${number}>`, session.csrf)
    } else if (kind === 'PAT' || kind === 'PAT-ID') {
      const { id, token } = await this.#makeToken(this.#nameOf(username))
      this.bind(`<PAT:${username}:${number}>`, token)
      this.bind(`<PAT-ID:${username}:${number}>`, id)
    } else if (kind === 'ID') this.bind(name, newId())
  }

  /** Today's name of who bore it when the recording began. */
  #nameOf(recorded: string): string {
    const id = this.valueOf(`<ID:${recorded}>`)
    return Object.values(this.#standin.users).find((user) => user.id === id)?.username ?? recorded
  }

  /** A recorded text with values in the place of placeholders. */
  fill(text: string): string {
    const here = text.replaceAll(recordedHost, new URL(this.#standin.url).host)
    return here.replace(placeholder, (name) => {
      if (name === '<DATE>') return new Date().toUTCString()
      if (name === '<MS>') return this.#values.get(name) ?? '0'
      return anything.test(name) ? name : this.valueOf(name)
    })
  }

  fillDeep<T>(value: T): T {
    return JSON.parse(this.fill(JSON.stringify(value))) as T
  }

  /** Whether a text is what was recorded; placeholders without a value yet take theirs from it. */
  matches(recorded: string, text: string): boolean {
    const here = recorded.replaceAll(recordedHost, new URL(this.#standin.url).host)
    const captured: string[] = []
    const parts = here.split(placeholder).map(escape)
    const names = here.match(placeholder) ?? []
    const source = parts.reduce((sum, part, at) => {
      const name = names[at - 1] ?? ''
      const known = anything.test(name) ? undefined : this.#values.get(name)
      if (known !== undefined) return sum + escape(known) + part
      captured.push(name)
      return `${sum}(.*?)${part}`
    })
    const found = new RegExp(`^${source}$`, 's').exec(text)
    if (found === null) return false
    captured.forEach((name, at) => {
      if (!anything.test(name)) this.bind(name, found[at + 1] ?? '')
    })
    return true
  }
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
