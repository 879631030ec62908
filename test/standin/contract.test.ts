import { test } from 'tap'
import type { Generation } from '../../src/demo/standin/traits.js'
import { actsAfterHello, actsBefore, actsDuring, alongside } from './replay/acts.js'
import { differences } from './replay/compare.js'
import { exceptions } from './replay/exceptions.js'
import { exchange } from './replay/exchange.js'
import { readScenarios, type Scenario, type Step } from './replay/recording.js'
import { challengeTimeoutMs, type Run, startRun } from './replay/run.js'
import { playWebsocket } from './replay/websocket-step.js'

const recorded: readonly { generation: Generation; version: '11.2.0' | '5.36.1' }[] = [
  { generation: '11', version: '11.2.0' },
  { generation: '5.36', version: '5.36.1' },
]

// Most of the time goes by in waiting for sockets to end, so both are played side by side.
const played = new Map(recorded.map(({ generation, version }) => [version, playAll(generation, version)]))

for (const { version } of recorded) {
  test(`answers as Mattermost ${version} was recorded to`, async (t) => {
    for (const [key, differing] of (await played.get(version)) ?? []) {
      const listed = exceptions.some((one) => one.step === key && (one.version ?? version) === version)
      if (listed) t.not(differing.length, 0, `${key} is listed as differing`)
      else t.same(differing, [], key)
    }
  })
}

test('every exception names a step that is played', async (t) => {
  for (const { step, version } of exceptions) {
    for (const one of recorded.filter((known) => (version ?? known.version) === known.version)) {
      t.ok((await played.get(one.version))?.has(step), step)
    }
  }
})

/** In what each step differs, by `scenario#step`. */
async function playAll(generation: Generation, version: string): Promise<Map<string, string[]>> {
  const run = await startRun(generation)
  const plain = { ...run.standin.settings }
  const found = new Map<string, string[]>()
  try {
    for (const scenario of readScenarios(version)) {
      await run.known.prepare(scenario)
      for (const [key, differing] of await playScenario(scenario, run)) found.set(key, differing)
      Object.assign(run.standin.settings, plain)
    }
    return found
  } finally {
    await run.close()
  }
}

/** Plays the steps of a scenario in turn; a step that is only a note has nothing to play. */
async function playScenario(scenario: Scenario, run: Run): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  const open: Promise<void>[] = []
  for (const [at, step] of scenario.steps.entries()) {
    const key = `${scenario.name}#${at}`
    await actsBefore[key]?.(run)
    if (alongside.has(key)) {
      let opened = () => {}
      const isOpen = new Promise<void>((resolve) => {
        opened = resolve
      })
      const played = playSocket(step, run, () => opened())
      open.push(played.then((differing) => void found.set(key, differing)))
      await Promise.race([isOpen, played])
    } else if (step.upgrade !== undefined) {
      const shown = actsAfterHello.has(key) ? withAct(step) : step
      found.set(key, await playSocket(shown, run, async () => actsDuring[key]?.(run)))
    } else if (step.response !== undefined) found.set(key, await playExchange(step, run))
  }
  await Promise.all(open)
  return found
}

function playSocket(step: Step, { standin, known }: Run, act: () => void | Promise<void>): Promise<string[]> {
  return playWebsocket(step, { url: standin.url, known, challengeTimeoutMs, act: async () => act() })
}

async function playExchange(
  { request, response }: Step,
  { standin, known, socketPath }: Run,
): Promise<string[]> {
  const sent = known.fillDeep(request ?? {})
  return differences(response ?? {}, await exchange(sent, standin.url, socketPath, standin.channelId), known)
}

function withAct(step: Step): Step {
  const [hello, ...rest] = step.frames ?? []
  if (hello === undefined) return step
  return { ...step, frames: [hello, { from: 'recorder', data: 'the act' }, ...rest] }
}
